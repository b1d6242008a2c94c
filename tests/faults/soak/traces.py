"""What a run touches outside of its own folders, as the kernel sees it: connections and writes."""

import os
import re
import shutil
from pathlib import Path

CALLS = (
    *("connect", "sendto", "open", "openat", "mkdir", "mkdirat", "rename", "renameat"),
    *("renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir"),
)
_HARMLESS = r"O_RDONLY|AF_UNIX|AF_NETLINK|^[0-9]+ +[lmorsu][^(]*\(.*= -1 E"
"""What only reads, or makes no file: most of a run's calls, left out as they come."""
_PATH = re.compile(r'(?:AT_FDCWD|\d+)?<([^>]*)>, "((?:[^"\\]|\\.)*)"')
_PLAIN = re.compile(r'\w+\("((?:[^"\\]|\\.)*)"')


def traced(words, note):
    """Return a command that does the same and notes its calls, itself where there is no strace."""
    if shutil.which("strace") is None:
        return words
    calls = ["-e", f"trace={','.join(CALLS)}"]
    lines = ["-o", f"|grep -vE '{_HARMLESS}' > '{note}'"]
    return ["strace", "-f", "-y", "-qq", "--seccomp-bpf", "-s", "300", *calls, *lines, *words]


def outside(note, *inside):
    """Name what a noted run did elsewhere: connections, and files that it made, changed or removed.

    Args:
        note: what ``traced`` wrote.
        inside: folders where a run may write; so may it to devices and what the kernel shows as
            files.
    """
    known = [str(Path(folder).resolve()) for folder in inside]
    known += ["/dev", "/proc", "/sys/fs/cgroup"]
    found = set()
    for line in note.read_text(errors="replace").splitlines():
        call = line.partition(" ")[2].strip()
        if call.startswith(("connect(", "sendto(")):
            if "AF_INET" in call:
                found.add(call)
            continue
        for path in _paths(call):
            if not any(path == folder or path.startswith(f"{folder}/") for folder in known):
                found.add(f"{call.partition('(')[0]} {path}")
    return sorted(found)


def _paths(call):
    """The paths of a call, made absolute; some calls don't tell from which folder."""
    if (plain := _PLAIN.match(call)) and plain[1].startswith("/"):
        yield os.path.normpath(plain[1])
    for folder, name in _PATH.findall(call):
        yield os.path.normpath(Path(folder) / name)
