# make image      the OCI image into build/image, with its SBOM: no daemon, no base image, no root
# make manifests  what is made from the chart: deploy/manifests, its README and its schema; make chart: build/tka-VERSION.tgz

# One number names the release: that of the chart.
RELEASE = $(shell sed -n 's/^appVersion: *//p' deploy/chart/Chart.yaml | tr -d '"')
IMAGE   = localhost/tka:$(RELEASE)

image: $(OUT)/image/digest
$(OUT)/image/digest: $(BINARIES) $(wildcard deploy/image/*.py deploy/image/build) deploy/chart/Chart.yaml
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} \
		deploy/image/build --programs $(OUT)/bin --out $(@D) --name $(IMAGE) --revision $(VERSION)

manifests: ; deploy/render/render

# The symbolic links of the chart become what they lead to.
chart:
	@mkdir -p build
	tar -C deploy -chzf build/tka-$(RELEASE).tgz --sort=name --owner=0 --group=0 --numeric-owner \
		--mtime=@$${SOURCE_DATE_EPOCH:-0} --transform 's,^chart,tka,' chart

.PHONY: image manifests chart
