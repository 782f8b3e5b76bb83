# SPDX-License-Identifier: BSD-3-Clause
"""What the rule checks share: the files of the tree, reading them, reporting."""
import contextlib
import fcntl
import os
import subprocess
import sys

C_SUFFIXES = (".c", ".h")
KERNEL_DRIVER = "host-driver/linux/"  # its style is the kernel's: checkpatch judges it


def source_files(root):
    """Paths of all files of the project below root, relative: what git tracks or would track."""
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=False,
    )
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
    else:  # an unpacked archive
        names = []
        for directory, children, files in os.walk(root):
            children[:] = [c for c in children if c not in ("build", ".git")]
            names += [os.path.relpath(os.path.join(directory, f), root) for f in files]
    return sorted({n for n in names if n and os.path.isfile(os.path.join(root, n))})


def c_files(root, kernel=False):
    return [f for f in source_files(root)
            if f.endswith(C_SUFFIXES) and (kernel or not f.startswith(KERNEL_DRIVER))]


def read_text(root, path):
    """The file's text, or None when it is not text (a corpus, an image)."""
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def root_argument(doc):
    """The tree to check: the first argument, else the repository that this script is in."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("-h", "--help"):
        print(doc)
        sys.exit(0)
    if arguments:
        return os.path.abspath(arguments[0])
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@contextlib.contextmanager
def alone_in(folder):
    """A folder for results that are kept; who comes second waits, and finds those of the first."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def finish(name, problems, checked):
    """Print the problems; exit 1 if there are any, or if nothing was looked at."""
    for problem in problems:
        print(problem)
    print(f"{name}: {checked} checked, {len(problems)} problems")
    if not checked:
        print(f"{name}: nothing to check, which cannot be right")
    sys.exit(1 if problems or not checked else 0)
