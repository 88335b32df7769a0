# What `make install` puts below $(DESTDIR)$(PREFIX), and `make uninstall` takes away again.

BIN_FILES  := kubectl-tka kubectl-tka-remote
SBIN_FILES := tka-server tka-operator
# Other names of kubectl-tka: for people, and for kubectl's own completion.
LINKS      := tka kubectl_complete-tka
INSTALLED  := $(addprefix bin/,$(BIN_FILES) $(LINKS)) $(addprefix sbin/,$(SBIN_FILES))

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin
	install -m 0755 $(BIN_FILES:%=$(OUT)/bin/%) $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(SBIN_FILES:%=$(OUT)/bin/%) $(DESTDIR)$(PREFIX)/sbin
	for link in $(LINKS); do ln -sf kubectl-tka $(DESTDIR)$(PREFIX)/bin/$$link; done

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,$(INSTALLED))

.PHONY: install uninstall
