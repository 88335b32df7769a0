# What `make install` puts below $(DESTDIR)$(PREFIX), and `make uninstall` takes away again.

BIN_FILES  := kubectl-tka kubectl-tka-remote
SBIN_FILES := tka-server tka-operator
# Other names of kubectl-tka: for people, and for kubectl's own completion.
LINKS      := tka kubectl_complete-tka
MANUALS    := $(OUT)/man/tka-server.8 $(OUT)/man/tka-operator.8
UNITS      := tka-server.service tka-operator.service
INSTALLED  := $(addprefix lib/systemd/system/,$(UNITS)) $(addprefix bin/,$(BIN_FILES) $(LINKS)) $(addprefix sbin/,$(SBIN_FILES)) \
	$(foreach page,$(notdir $(MANUALS)),share/man/man$(subst .,,$(suffix $(page)))/$(page))

# The programs print their own pages, from the tables they read their flags by; dated as the commit.
$(MANUALS): export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
$(OUT)/man/%.8: $(OUT)/bin/% ; @mkdir -p $(@D) && $< manual 8 >$@

lint-manuals: $(MANUALS) ; mandoc -T lint -W warning $^

install: all $(MANUALS)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin
	install -m 0755 $(BIN_FILES:%=$(OUT)/bin/%) $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(SBIN_FILES:%=$(OUT)/bin/%) $(DESTDIR)$(PREFIX)/sbin
	for page in $(MANUALS); do \
		install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page; done
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in $(UNITS); do sed 's|=/usr/sbin/|=$(PREFIX)/sbin/|' deploy/systemd/$$unit | \
		install -m 0644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit; done
	for link in $(LINKS); do ln -sf kubectl-tka $(DESTDIR)$(PREFIX)/bin/$$link; done

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,$(INSTALLED))

.PHONY: install uninstall lint-manuals
