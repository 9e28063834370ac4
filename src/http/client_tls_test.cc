// Which certificates the client trusts, against a TLS peer with one of its own making.

#include "base/testing/scratch_directory.h"
#include "http/client.h"
#include "http/testing/loopback.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

namespace quarry::http {
namespace {

using namespace std::chrono_literals;

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* one) const {
    kFree(one);
  }
};

// For 127.0.0.1, signed by itself.
struct Certificate {
  std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> key{EVP_EC_gen("P-256")};
  std::unique_ptr<X509, Free<X509_free>> x509{X509_new()};

  Certificate() {
    X509* const made = x509.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 86'400);
    X509_NAME* const name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("a test's"), -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_set_pubkey(made, key.get());
    extend(NID_basic_constraints, "critical,CA:TRUE");
    extend(NID_subject_alt_name, "IP:127.0.0.1");
    EXPECT_GT(X509_sign(made, key.get(), EVP_sha256()), 0);
  }

  void write(const std::filesystem::path& path) const {
    const std::unique_ptr<BIO, Free<BIO_free>> file(BIO_new_file(path.c_str(), "w"));
    EXPECT_EQ(PEM_write_bio_X509(file.get(), x509.get()), 1);
  }
  // By which OpenSSL finds it in a directory (c_rehash).
  std::string hashed_name() const {
    return fmt::format("{:08x}.0", X509_subject_name_hash(x509.get()));
  }

 private:
  void extend(int nid, const char* value) {
    const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> one(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
    EXPECT_EQ(X509_add_ext(x509.get(), one.get(), -1), 1);
  }
};

// Takes one connection and, where the client trusts it, answers one request.
class TlsPeer {
 public:
  explicit TlsPeer(const Certificate& certificate) : context_(SSL_CTX_new(TLS_server_method())) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to clients that are gone
    EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), certificate.x509.get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), certificate.key.get()), 1);
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsPeer() { thread_.join(); }
  std::string url() const {
    return fmt::format("https://127.0.0.1:{}/", acceptor_.local_endpoint().port());
  }

 private:
  void serve() {
    auto socket = acceptor_.accept();
    const std::unique_ptr<SSL, Free<SSL_free>> tls(SSL_new(context_.get()));
    SSL_set_fd(tls.get(), socket.native_handle());
    if (SSL_accept(tls.get()) != 1) return;
    std::string asked;
    char byte = 0;
    while (!asked.ends_with("\r\n\r\n") && SSL_read(tls.get(), &byte, 1) == 1) asked += byte;
    constexpr std::string_view kAnswer =
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntrusted";
    SSL_write(tls.get(), kAnswer.data(), static_cast<int>(kAnswer.size()));
    SSL_shutdown(tls.get());
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_{io_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context_;
  std::thread thread_;
};

class TrustTest : public ::testing::Test {
 protected:
  // What the peer answers a client with that bundle, else the error's words.
  std::string ask(const std::filesystem::path& bundle) {
    const TlsPeer peer(certificate_);
    boost::asio::io_context io;
    const auto client = make_client(io, {.ca_bundle = bundle.string()});
    ClientRequest request;
    request.url = peer.url();
    request.direct = true;
    const auto got = testing::run_on(io, client->send(std::move(request), Deadline::after(20s)));
    return got ? got->body : got.error().message();
  }

  const Certificate certificate_;
  const quarry::testing::ScratchDirectory scratch_;
  const std::filesystem::path& directory_ = scratch_.path();
};

TEST_F(TrustTest, IsInTheCertificatesOfAFile) {
  certificate_.write(directory_ / "bundle.pem");
  EXPECT_EQ(ask(directory_ / "bundle.pem"), "trusted");
}

TEST_F(TrustTest, IsInTheCertificatesOfADirectory) {
  certificate_.write(directory_ / certificate_.hashed_name());
  EXPECT_EQ(ask(directory_), "trusted");
}

TEST_F(TrustTest, IsNotInWhatTheDirectoryDoesNotHave) {
  const std::string said = ask(directory_);
  EXPECT_TRUE(said.contains("certificate problem")) << said;  // the peer's, not the directory
}

}  // namespace
}  // namespace quarry::http
