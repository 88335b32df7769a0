# shellcheck shell=sh disable=SC2034
# Read by deb and dist: what this commit is called, in the three ways its readers want it.

if [ -e .version ]; then # a source archive, made by dist
    read -r described SOURCE_DATE_EPOCH commit tag <.version || [ -n "$commit" ] # its line has no end
else
    described=$(git describe --always)
    commit=$(git rev-parse --short=9 HEAD)
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    tag=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null || true)
fi
export SOURCE_DATE_EPOCH
day=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d)

# The chart names the release; what is built from a commit without its tag comes before it.
release=$(sed -n 's/^appVersion: *//p' deploy/chart/Chart.yaml | tr -d '"')
if [ "$tag" = "v$release" ]; then
    suffix=
else
    suffix=$day.g$commit
fi
semantic_version=v$release${suffix:+-$suffix} # for krew
debian_version=$release${suffix:+~$suffix}    # ~ sorts before nothing
file_version=${semantic_version#v}
