# Everything a newcomer needs: make run, make test.

GO      ?= go
PREFIX  ?= /usr/local
DESTDIR ?=
BIN     ?= bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME ?= 60s

# What the tests judge our work with, by Debian's package names.
TEST_PACKAGES = nftables iproute2 iptables strace python3
TEST_PROGRAMS = nft ip iptables-nft strace python3
# What bans by our sets, which is not installed either: see ban-tools.
BAN_PACKAGES = fail2ban crowdsec-firewall-bouncer kamailio
# What the virtual machine is made and run with.
VM_PACKAGES = qemu-system-x86 qemu-utils mmdebstrap e2fsprogs debian-archive-keyring
VM_PROGRAMS = qemu-system-x86_64 qemu-img mmdebstrap mke2fs
# What the Ansible role is tried with.
ANSIBLE_PACKAGES = nftables iproute2 ansible-core openssh-server openssh-client
ANSIBLE_PROGRAMS = nft ip ansible-playbook sshd ssh

STATICCHECK   = honnef.co/go/tools/cmd/staticcheck@v0.7.0

# The package: its version is the tag's, or says from which commit it is.
DEB_VERSION ?= $(shell git describe --tags --exact-match --dirty=+dirty 2>/dev/null | sed 's/^v//; s/-/~/g' | grep '^[0-9]' \
    || TZ=UTC git log -1 --date=format-local:%Y%m%d%H%M%S --format=0.0.0~git%cd.%h 2>/dev/null \
    || echo 0.0.0~devel)
DEB_ARCH = $(shell $(GO) env GOARCH)
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

LDFLAGS = -s -w -X main.version=$(VERSION)

.PHONY: help build run test test-tools test-vm test-vm-all vm-tools test-ansible ansible-tools ban-tools promtool lint bench fuzz fuzz-short man deb install clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/ngcp-fw
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ngcp-fw ./cmd/ngcp-fw

run: build ## the main job in a network namespace of its own; touches nothing else
	$(GO) run ./examples/demo $(BIN)/ngcp-fw

test: test-tools promtool ban-tools ## everything, by real packets too; installs nftables and what else it needs
	$(GO) vet ./...
	$(GO) test -timeout 20m ./...
	$(MAKE) fuzz-short

test-tools:
	@missing=; for p in $(TEST_PROGRAMS); do \
	    PATH="$$PATH:/usr/sbin:/sbin" command -v $$p >/dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then \
	    [ "$$(id -u)" = 0 ] || { echo "make: the tests need these packages; as root: apt-get install $(TEST_PACKAGES)" >&2; exit 1; }; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(TEST_PACKAGES); \
	fi

# The judge of metrics and alerts, out of Debian's package, which is not installed: it
# would start a server. Where it cannot be had, its tests are skipped.
promtool: ## bin/promtool, where none is installed
	@command -v promtool >/dev/null || [ -x '$(BIN)/promtool' ] || { \
	    into=$$(mktemp -d) && mkdir -p '$(BIN)' && \
	    { (cd "$$into" && apt-get download -qq prometheus 2>/dev/null) || \
	      { [ "$$(id -u)" = 0 ] && apt-get update -qq && (cd "$$into" && apt-get download -qq prometheus 2>/dev/null); }; } && \
	    dpkg-deb --fsys-tarfile "$$into"/prometheus_*.deb | tar -xO ./usr/bin/promtool >"$$into/promtool" && \
	    install -m 0755 "$$into/promtool" '$(BIN)/promtool' || echo "make: no promtool: the tests of alerts are skipped" >&2; \
	    rm -rf "$$into"; }

# Out of Debian's packages, which are not installed: they would start their services.
# Where one cannot be had, its tests are skipped.
ban-tools: ## bin/debian with fail2ban, CrowdSec's firewall bouncer and kamailio
	@into=$$(mktemp -d); for p in $(BAN_PACKAGES); do \
	    [ -e '$(BIN)/debian/.'$$p ] || { \
	    { (cd "$$into" && apt-get download -qq $$p 2>/dev/null) || \
	      { [ "$$(id -u)" = 0 ] && apt-get update -qq && (cd "$$into" && apt-get download -qq $$p 2>/dev/null); }; } && \
	    mkdir -p '$(BIN)/debian' && dpkg-deb -x "$$into"/$${p}_*.deb '$(BIN)/debian' && touch '$(BIN)/debian/.'$$p || \
	    echo "make: no $$p: its tests are skipped" >&2; }; done; rm -rf "$$into"

test-vm: vm-tools ## the real rtpengine module, and a few tests on the old kernel, in virtual machines; 3 minutes
	NGCP_FW_VM=1 $(GO) test -short -count=1 -timeout 30m -v ./netns_test/vm

test-vm-all: vm-tools ## all that there is for virtual machines; 10 minutes
	NGCP_FW_VM=1 $(GO) test -count=1 -timeout 40m -v ./netns_test/vm

vm-tools:
	@missing=; for p in $(VM_PROGRAMS); do \
	    PATH="$$PATH:/usr/sbin:/sbin" command -v $$p >/dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then \
	    [ "$$(id -u)" = 0 ] || { echo "make: the virtual machine needs these packages; as root: apt-get install $(VM_PACKAGES)" >&2; exit 1; }; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(VM_PACKAGES); \
	fi

test-ansible: ansible-tools ## the Ansible role, by Debian's Ansible and a real sshd in namespaces; as root, 2 minutes
	NGCP_FW_ANSIBLE=1 $(GO) test -count=1 -v ./netns_test/ansible

ansible-tools:
	@missing=; for p in $(ANSIBLE_PROGRAMS); do \
	    PATH="$$PATH:/usr/sbin:/sbin" command -v $$p >/dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then \
	    [ "$$(id -u)" = 0 ] || { echo "make: the role's tests need these packages; as root: apt-get install $(ANSIBLE_PACKAGES)" >&2; exit 1; }; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(ANSIBLE_PACKAGES); \
	fi

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# BENCH=-write=docs/performance.md keeps the table; BENCH='-only small' measures one thing.
bench: test-tools ## ratios, measured side by side: to nft -f, to the kernel alone
	$(GO) run ./netns_test/bench $(BENCH)

fuzz: ## every fuzz target for FUZZTIME (60s)
	@set -e; for file in $$(git grep -l '^func Fuzz' -- '*_test.go'); do \
	    for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$file); do \
	        echo "$$target in $$(dirname $$file)"; \
	        $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x ./$$(dirname $$file); \
	    done; done

# By count, not by time: go test can fail at a deadline without a finding.
fuzz-short:
	@$(MAKE) --no-print-directory fuzz FUZZTIME=5000x

man: build ## the manual pages, into bin/man
	mkdir -p $(BIN)/man
	$(GO) run ./docs/man -name ngcp-fw -section 8 -see 'ngcp-fw-policy(5), ngcp-fw-operations(7), nft(8)' \
	    -summary 'host firewall and port-exposure manager for Sipwise NGCP' \
	    -program $(BIN)/ngcp-fw docs/commands.md >$(BIN)/man/ngcp-fw.8
	$(GO) run ./docs/man -name ngcp-fw-policy -section 5 -see 'ngcp-fw(8), ngcp-fw-operations(7)' \
	    -summary 'who may reach what on a host: the policy language' docs/policy.md >$(BIN)/man/ngcp-fw-policy.5
	$(GO) run ./docs/man -name ngcp-fw-operations -section 7 -see 'ngcp-fw(8), ngcp-fw-policy(5)' \
	    -summary 'trials, boots, emergencies and removal' docs/operations.md >$(BIN)/man/ngcp-fw-operations.7

deb: man ## the Debian package, into bin; needs dpkg-deb, not root
	rm -f $(BIN)/ngcp-fw_*.deb
	sh debian/build.sh '$(DEB_VERSION)' '$(DEB_ARCH)' '$(BIN)'

install: build ## into DESTDIR and PREFIX (/usr/local)
	install -D -m 0755 $(BIN)/ngcp-fw '$(DESTDIR)$(PREFIX)/sbin/ngcp-fw'

clean:
	rm -rf $(BIN)
