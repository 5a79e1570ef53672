# Thin: what is more than a line lives in util/.

BUILD ?= $(CURDIR)/build
PORT ?= 8080

DESTDIR ?=
PREFIX ?= /usr
MODULESDIR ?= $(PREFIX)/lib/nginx/modules
RUNTIMEDIR ?= $(PREFIX)/lib/faas
SNIPPETDIR ?= $(PREFIX)/share/nginx/modules-available
DOCDIR ?= $(PREFIX)/share/doc/ngx-faas
LUADIR ?= $(PREFIX)/share/lua/5.1
BINDIR ?= $(PREFIX)/bin
UNITDIR ?= $(PREFIX)/lib/systemd/system/nginx.service.d

export BUILD PORT DESTDIR PREFIX MODULESDIR RUNTIMEDIR SNIPPETDIR DOCDIR
export UNITDIR LUADIR BINDIR

all: build

run:
	@exec bash util/run.sh

build:
	@bash util/build.sh

test:
	@bash util/test.sh

asan-test:
	@bash util/asan-test.sh

static:
	@bash util/build-static.sh all

bench:
	@bash util/bench/bench.sh

fuzz:
	@$(MAKE) -C util/fuzz run

style:
	@/usr/bin/python3 util/style.py

install: build
	@bash util/install.sh

uninstall:
	@bash util/install.sh --uninstall

clean:
	@bash util/clean.sh

.PHONY: all run build test asan-test static bench fuzz style
.PHONY: install uninstall clean
