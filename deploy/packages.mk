# Packages, into build/packages. What each holds stands beside its control file, below deploy/packages.

# make deb        Debian packages; make dist: archives and a krew manifest
PACKAGES := build/packages

# Dated as the commit, also where there is no git.
deb dist: export SOURCE_DATE_EPOCH ?= $(shell . deploy/packages/version.sh && echo $$SOURCE_DATE_EPOCH)

deb: all
	rm -rf $(PACKAGES)/debian && $(MAKE) install DESTDIR=$(CURDIR)/$(PACKAGES)/debian PREFIX=/usr \
		ZSH=share/zsh/vendor-completions
	deploy/packages/deb $(PACKAGES)/debian $(PACKAGES)

# RELEASE_URL: the folder that people will find these files in.
dist: all
	rm -rf $(PACKAGES)/stage && $(MAKE) install DESTDIR=$(CURDIR)/$(PACKAGES)/stage PREFIX=/usr
	deploy/packages/dist $(PACKAGES)/stage $(PACKAGES) $(RELEASE_URL)

.PHONY: deb dist
