"""tree.py - files on their way into an image: their path there, and what is at it."""

import dataclasses
import io
import pathlib
import tarfile


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file with its bytes, or a symbolic link. package: the Debian package it is from, if any."""

    data: bytes = b""
    mode: int = 0o644
    link: str = ""
    package: str = ""


class Tree:
    """Path (absolute, as a process in the container sees it) -> Entry. Folders come by themselves."""

    def __init__(self):
        self.entries = {}

    def add(self, path, entry):
        path = self.resolve(path)
        known = self.entries.get(path)
        if known and known != entry:
            raise ValueError(f"{path} would be there twice, and not alike")
        self.entries[path] = entry

    def link(self, path, target):
        self.add(path, Entry(link=target, mode=0o777))

    def resolve(self, path):
        """Where a path leads once the links to folders above it are followed: /lib is /usr/lib."""
        parts = pathlib.PurePosixPath(path).parts
        for depth in range(2, len(parts)):
            folder = self.entries.get("/" + "/".join(parts[1:depth]))
            if folder and folder.link:
                return self.resolve("/" + "/".join((folder.link, *parts[depth:])))
        return str(pathlib.PurePosixPath(path))

    def folders(self):
        found = set()
        for path in self.entries:
            found.update(str(parent) for parent in pathlib.PurePosixPath(path).parents)
        return sorted(found - {"/"})

    def tar(self, epoch):
        """An uncompressed layer: sorted, everything root's, one time stamp for all."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in self.folders():
                tar.addfile(member(path, 0o755, epoch, type=tarfile.DIRTYPE))
            for path, entry in sorted(self.entries.items()):
                if entry.link:
                    tar.addfile(member(path, entry.mode, epoch, type=tarfile.SYMTYPE, linkname=entry.link))
                else:
                    tar.addfile(member(path, entry.mode, epoch, size=len(entry.data)), io.BytesIO(entry.data))
        return buffer.getvalue()

    def write(self, folder):
        """The same as files below a folder: what a Dockerfile copies."""
        for path, entry in sorted(self.entries.items()):
            target = pathlib.Path(folder) / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if entry.link:
                target.symlink_to(entry.link)
            else:
                target.write_bytes(entry.data)
                target.chmod(entry.mode)


def member(path, mode, epoch, **more):
    info = tarfile.TarInfo(path.lstrip("/"))
    info.mode, info.mtime = mode, epoch
    for name, value in more.items():
        setattr(info, name, value)
    return info
