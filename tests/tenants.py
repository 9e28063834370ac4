"""Who uses a server: the holders of virtual keys, and the one of the master key."""

import harness


class Tenant:
    """Somebody with a key of their own, and what they ask of a server."""

    def __init__(self, server, key, user=None, team=None, info=None):
        self.server, self.key, self.user, self.team, self.info = server, key, user, team, info

    @property
    def hash(self):
        return self.info["token"]

    def request(self, method, path, body=None, headers=None):
        return self.server.request(method, path, body, headers, key=self.key)

    def sdk(self, **options):
        return self.server.client(api_key=self.key, **options)

    def upload(self, content, fields=(("purpose", "batch"),)):
        """An Answer."""
        body, content_type = harness.form([*fields, ("file", "in.jsonl", content)])
        return self.request("POST", "/v1/files", body, {"Content-Type": content_type})

    def file(self, content=None):
        """The id of a new file."""
        answer = self.upload(content if content is not None else harness.chat_lines(1))
        assert answer.status == 200, answer.text
        return answer.json["id"]

    def create(self, file_id, headers=None, **more):
        """An Answer."""
        return self.request("POST", "/v1/batches", {
            "input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h",
            **more}, headers)

    def batch(self, content=None):
        """The id of a new batch."""
        answer = self.create(self.file(content))
        assert answer.status == 200, answer.text
        return answer.json["id"]

    def pending_upload(self, content):
        """The id of an upload with one part, which has all of the content, and the part's."""
        made = self.request("POST", "/v1/uploads", {
            "filename": "in.jsonl", "purpose": "batch", "mime_type": "application/jsonl",
            "bytes": len(content)})
        assert made.status == 200, made.text
        part = self.part(made.json["id"], content)
        assert part.status == 200, part.text
        return made.json["id"], part.json["id"]

    def part(self, upload_id, content=b"x"):
        """An Answer."""
        body, content_type = harness.form([("data", "part", content)])
        return self.request("POST", f"/v1/uploads/{upload_id}/parts", body, {"Content-Type": content_type})


def master(server):
    return Tenant(server, harness.KEY)


def with_key(server, **grant):
    """A Tenant with a new key."""
    made = server.request("POST", "/key/generate", grant)
    assert made.status == 200, made.text
    return Tenant(server, made.json["key"], grant.get("user_id"), grant.get("team_id"), made.json)


def team(server, **grant):
    """The id of a new team."""
    made = server.request("POST", "/team/new", grant)
    assert made.status == 200, made.text
    return made.json["team_id"]
