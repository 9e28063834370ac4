"""A private CA for tests of TLS."""

import subprocess


class Authority:
    """A private CA, and a certificate of it for this machine's loopback names."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        self.bundle = directory / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=Quarry test CA", "-keyout", "ca.key", "-out", "ca.pem")
        self.server = self.issue("server", "DNS:localhost,IP:127.0.0.1")
        self.other_name = self.issue("other", "DNS:somewhere.example")

    def issue(self, name, names):
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.directory / f"{name}.ext").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
        return self.directory / f"{name}.pem", self.directory / f"{name}.key"

    def _openssl(self, *arguments):
        ran = subprocess.run(["openssl", *arguments], cwd=self.directory, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
