#!/usr/bin/env python3
"""Writes the golden files as seeds of the translators' fuzz targets: fuzz/corpus/translate_<family>/.

    fuzz/seed_corpus.py          adds those that are not there
"""
import hashlib
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENDPOINTS = {"chat": 0, "completions": 1, "responses": 2, "embeddings": 3}


def seeds(file, endpoint):
    """The bytes of the target's inputs (translate_fuzz.cc) that this file makes."""
    how = ENDPOINTS[endpoint] << 1
    text = file.read_text()
    if file.name.endswith(".request.json"):
        yield bytes([how | (8 if "_dropped." in file.name else 0)]) + text.encode()
    elif file.name.endswith(".result.json"):
        answers = json.loads(text)
        for answer in answers if isinstance(answers, list) else [answers]:
            for note in (0, 8):
                yield bytes([how | 1 | note]) + json.dumps(answer, ensure_ascii=False).encode()


def main():
    for folder in sorted((ROOT / "tests/golden").iterdir()):
        corpus = ROOT / "fuzz/corpus" / f"translate_{folder.name}"
        corpus.mkdir(parents=True, exist_ok=True)
        for file in sorted(folder.glob("*.json")):
            for seed in seeds(file, file.name.split(".")[0]):
                name = hashlib.sha1(seed).hexdigest()[:16]
                (corpus / name).write_bytes(seed)


if __name__ == "__main__":
    main()
