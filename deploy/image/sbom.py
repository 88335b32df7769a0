"""sbom.py - what the image is made of, as SPDX 2.3: our programs, Debian's packages, and every file."""

import datetime
import hashlib
import re

import debian

LICENCE = "Apache-2.0"


def document(image, digest, tree):
    created = datetime.datetime.fromtimestamp(image.epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = sorted({entry.package for entry in tree.entries.values()} - {""})
    files = [describe_file(path, entry) for path, entry in sorted(tree.entries.items()) if not entry.link]
    packages = [describe_image(image, digest, files), describe_ours(image), *map(describe_debian, names)]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": image.name,
        "documentNamespace": f"urn:tka:image:{digest}",
        "creationInfo": {"created": created, "creators": ["Tool: tka-make-image"]},
        "packages": packages, "files": files,
        "relationships": list(relate(names, tree)),
    }


def describe_image(image, digest, files):
    sums = sorted(entry["checksums"][0]["checksumValue"] for entry in files)
    code = hashlib.sha1("".join(sums).encode()).hexdigest()
    return {"SPDXID": "SPDXRef-Image", "name": image.name, "versionInfo": digest,
            "primaryPackagePurpose": "CONTAINER", "downloadLocation": "NOASSERTION", "filesAnalyzed": True,
            "packageVerificationCode": {"packageVerificationCodeValue": code},
            "checksums": [{"algorithm": "SHA256", "checksumValue": digest[7:]}],
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION"}


def describe_ours(image):
    return {"SPDXID": "SPDXRef-Package-tka", "name": "tka",
            "versionInfo": image.labels["org.opencontainers.image.revision"],
            "primaryPackagePurpose": "APPLICATION", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": LICENCE, "licenseDeclared": LICENCE, "copyrightText": "NOASSERTION"}


def describe_debian(name):
    found = debian.package(name)
    location = (f"pkg:deb/debian/{name}@{found.version}?arch={found.architecture}"
                + (f"&upstream={found.source.split()[0]}" if found.source else ""))
    row = {"SPDXID": identifier("Package", name), "name": name, "versionInfo": found.version,
           "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
           "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
           "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                             "referenceLocator": location.replace("+", "%2B")}]}
    if found.homepage:
        row["homepage"] = found.homepage
    licences = found.licences()
    if licences:
        row["licenseComments"] = "Debian's copyright file names: " + "; ".join(licences)
    return row


def describe_file(path, entry):
    return {"SPDXID": identifier("File", path), "fileName": "." + path,
            "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(entry.data).hexdigest()},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(entry.data).hexdigest()}],
            "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION"}


def relate(names, tree):
    def say(one, kind, other):
        return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}

    yield say("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")
    yield say("SPDXRef-Image", "CONTAINS", "SPDXRef-Package-tka")
    for name in names:
        yield say("SPDXRef-Image", "CONTAINS", identifier("Package", name))
    for path, entry in sorted(tree.entries.items()):
        if not entry.link:
            yield say("SPDXRef-Image", "CONTAINS", identifier("File", path))
        if entry.package:
            yield say(identifier("File", path), "EXPANDED_FROM_ARCHIVE", identifier("Package", entry.package))


def identifier(kind, name):
    """Two names that are written alike differ by their hash."""
    plain = re.sub(r"[^A-Za-z0-9.-]", "-", name).strip("-")
    return f"SPDXRef-{kind}-{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
