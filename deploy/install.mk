# What `make install` puts below $(DESTDIR)$(PREFIX), and `make uninstall` takes away again.
# The programs print their own man pages and completions, from the tables they read their flags by.

# Each is where it goes, below PREFIX; it is made below build/.
PROGRAMS    := bin/kubectl-tka bin/kubectl-tka-remote sbin/tka-server sbin/tka-operator
MANUALS     := share/man/man1/kubectl-tka.1 share/man/man1/tka.1 share/man/man5/tka-config.5 \
	share/man/man8/tka-server.8 share/man/man8/tka-operator.8
ZSH         ?= share/zsh/site-functions
COMPLETIONS := share/bash-completion/completions/tka $(ZSH)/_tka share/fish/vendor_completions.d/tka.fish
UNITS       := lib/systemd/system/tka-server.service lib/systemd/system/tka-operator.service
# link:target. Other names of kubectl-tka: for people, and for kubectl's own completion.
LINKS       := bin/tka:kubectl-tka bin/kubectl_complete-tka:kubectl-tka \
	share/bash-completion/completions/kubectl-tka:tka \
	share/fish/vendor_completions.d/kubectl-tka.fish:tka.fish
PAGES       := $(addprefix $(OUT)/,$(MANUALS))
INSTALLED   := $(PROGRAMS) $(MANUALS) $(COMPLETIONS) $(UNITS) $(foreach link,$(LINKS),$(firstword $(subst :, ,$(link))))
below        = $(DESTDIR)$(PREFIX)/$(1)

# Dated as the commit.
$(PAGES): export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
$(OUT)/%/tka.1: ; @mkdir -p $(@D) && echo .so man1/kubectl-tka.1 >$@
$(OUT)/%/kubectl-tka.1: $(OUT)/bin/kubectl-tka-remote ; @mkdir -p $(@D) && $< manual 1 >$@
$(OUT)/%/tka-config.5: $(addprefix $(OUT)/bin/,kubectl-tka-remote tka-server tka-operator)
	@mkdir -p $(@D) && for program in $^; do $$program manual 5 || exit; done >$@
$(OUT)/share/man/man8/%.8: $(OUT)/bin/% ; @mkdir -p $(@D) && $< manual 8 >$@
$(OUT)/share/bash-%: $(OUT)/bin/kubectl-tka ; @mkdir -p $(@D) && $< completion bash >$@
$(OUT)/share/zsh/%: $(OUT)/bin/kubectl-tka ; @mkdir -p $(@D) && $< completion zsh >$@
$(OUT)/share/fish/%: $(OUT)/bin/kubectl-tka ; @mkdir -p $(@D) && $< completion fish >$@

lint-manuals: $(PAGES) ; mandoc -T lint -W warning $(filter-out %/tka.1,$^)

install: all $(addprefix $(OUT)/,$(MANUALS) $(COMPLETIONS))
	for file in $(PROGRAMS); do install -D -m 0755 $(OUT)/bin/$${file##*/} $(call below,$$file) || exit; done
	for file in $(MANUALS) $(COMPLETIONS); do install -D -m 0644 $(OUT)/$$file $(call below,$$file) || exit; done
	install -d $(call below,lib/systemd/system)
	for file in $(UNITS); do sed 's|=/usr/sbin/|=$(PREFIX)/sbin/|' deploy/systemd/$${file##*/} | \
		install -m 0644 /dev/stdin $(call below,$$file) || exit; done
	for link in $(LINKS); do ln -sf $${link##*:} $(call below,$${link%%:*}) || exit; done

uninstall: ; rm -f $(foreach file,$(INSTALLED),$(call below,$(file)))

.PHONY: install uninstall lint-manuals
