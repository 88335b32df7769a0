"""oci.py - an OCI image of one layer, as an archive that docker, podman, skopeo and containerd read."""

import dataclasses
import datetime
import gzip
import hashlib
import io
import json
import pathlib
import tarfile

from tree import member

TYPE = "application/vnd.oci.image."


@dataclasses.dataclass(frozen=True)
class Image:
    """What an image says about itself."""

    name: str  # with a tag
    architecture: str
    epoch: int
    user: str
    command: tuple
    labels: dict


def digest(blob):
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def to_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def reference(kind, blob, **more):
    return {"mediaType": TYPE + kind, "digest": digest(blob), "size": len(blob), **more}


def config(image, layer):
    created = datetime.datetime.fromtimestamp(image.epoch, datetime.timezone.utc)
    return to_json({
        "architecture": image.architecture, "os": "linux", "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "config": {"User": image.user, "Cmd": list(image.command), "Env": ["PATH=/usr/bin"],
                   "WorkingDir": "/", "Labels": image.labels},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        "history": [{"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "created_by": "make image"}]})


def blobs(image, layer, level):
    """(index, every blob by digest, the manifest's digest, the compressed layer's size)."""
    packed = gzip.compress(layer, level, mtime=0)
    settings = config(image, layer)
    manifest = to_json({"schemaVersion": 2, "mediaType": TYPE + "manifest.v1+json",
                        "config": reference("config.v1+json", settings),
                        "layers": [reference("layer.v1.tar+gzip", packed)]})
    index = to_json({"schemaVersion": 2, "mediaType": TYPE + "index.v1+json", "manifests": [
        reference("manifest.v1+json", manifest, annotations={
            "io.containerd.image.name": image.name,
            "org.opencontainers.image.ref.name": image.name.rpartition(":")[2]})]})
    return index, {digest(blob): blob for blob in (packed, settings, manifest)}, digest(manifest), len(packed)


def write_archive(path, image, layer, level=9):
    """Writes the archive; returns (digest of the image, bytes of its compressed layer)."""
    index, parts, name, size = blobs(image, layer, level)
    files = {"oci-layout": to_json({"imageLayoutVersion": "1.0.0"}), "index.json": index}
    files.update({f"blobs/sha256/{key[7:]}": blob for key, blob in sorted(parts.items())})
    with tarfile.open(pathlib.Path(path), "w", format=tarfile.PAX_FORMAT) as tar:
        for file, blob in files.items():
            tar.addfile(member(file, 0o644, image.epoch, size=len(blob)), io.BytesIO(blob))
    return name, size
