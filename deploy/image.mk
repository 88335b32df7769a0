# make image      the OCI image into build/image, with its SBOM: no daemon, no base image, no root

# One number names the release: that of the chart.
RELEASE = $(shell sed -n 's/^appVersion: *//p' deploy/chart/Chart.yaml | tr -d '"')
IMAGE   = localhost/tka:$(RELEASE)

image: all
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} \
		deploy/image/build --programs $(OUT)/bin --out $(OUT)/image --name $(IMAGE) --revision $(VERSION)

.PHONY: image
