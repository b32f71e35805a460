# SPDX-License-Identifier: GPL-3.0-or-later
# A short front of meson: `make help` lists what there is. Packages that are missing are installed
# by tools/install-packages (as root; otherwise it says what to install).
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
NINJA    = ninja -C $(BUILD)

all: packages-build
	@[ -f $(BUILD)/build.ninja ] || meson setup --prefix $(PREFIX) $(BUILD) >$(BUILD).log 2>&1 \
	    || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@$(NINJA)

packages-%:
	@tools/install-packages $*

check: packages-build packages-check packages-lab
	@tests/run --build $(BUILD)

check-long: packages-build packages-check packages-lab
	@tests/run --build $(BUILD) --long

demo: packages-demo all
	@tools/demo $(BUILD)

lab: packages-lab all
	@tests/lab/run

bench: packages-check packages-lab all
	@tests/bench/run

fuzz: packages-build packages-check
	@tools/fuzz $(SECONDS)

install: all
	@meson configure $(BUILD) --prefix $(PREFIX) && DESTDIR=$(DESTDIR) meson install -C $(BUILD)

clean:
	@rm -rf $(BUILD) $(BUILD)-*

help:
	@echo "make              install missing packages and build into $(BUILD)/"
	@echo "make check        every test; the last line counts them"
	@echo "make check-long   the same with more of each: valgrind, longer fuzzing"
	@echo "make demo         see it work: the practice range, then real servers (as root)"
	@echo "make lab          every real server and hole, a line each (as root)"
	@echo "make bench        figures, beside nmap and HAProxy"
	@echo "make fuzz         fuzz each parser and the relay decision, together SECONDS=60"
	@echo "make install      DESTDIR= PREFIX=/usr/local"
	@echo "make clean"

.PHONY: all check check-long demo lab bench fuzz install clean help
