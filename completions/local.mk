# SPDX-License-Identifier: GPL-3.0-or-later
# What `mlmake completions SHELL` prints, kept here so that a tarball installs it without running anything. After a change to an
# option: make update-completions.
completions = completions/mlmake.bash completions/_mlmake completions/mlmake.fish
EXTRA_DIST += $(completions) completions/test-completions.sh
TESTS += completions/test-completions.sh

update-completions: mlmake
	./mlmake completions bash > $(srcdir)/completions/mlmake.bash
	./mlmake completions zsh > $(srcdir)/completions/_mlmake
	./mlmake completions fish > $(srcdir)/completions/mlmake.fish
.PHONY: update-completions

install-data-local: install-completions
install-completions: $(completions)
	$(MKDIR_P) '$(DESTDIR)$(bashcompdir)' '$(DESTDIR)$(zshcompdir)' '$(DESTDIR)$(fishcompdir)'
	$(INSTALL_DATA) $(srcdir)/completions/mlmake.bash '$(DESTDIR)$(bashcompdir)/mlmake'
	$(INSTALL_DATA) $(srcdir)/completions/_mlmake '$(DESTDIR)$(zshcompdir)/_mlmake'
	$(INSTALL_DATA) $(srcdir)/completions/mlmake.fish '$(DESTDIR)$(fishcompdir)/mlmake.fish'
uninstall-local: uninstall-completions
uninstall-completions:
	rm -f '$(DESTDIR)$(bashcompdir)/mlmake' '$(DESTDIR)$(zshcompdir)/_mlmake' '$(DESTDIR)$(fishcompdir)/mlmake.fish'
.PHONY: install-completions uninstall-completions
