# Everything is one command from a fresh clone; each can be run again at any time.
.DEFAULT_GOAL := help
.PHONY: help setup import-tools build demo demo-llama artifact test check docs bench soak drill wheel tarball \
	deb image test-packages clean

help: ## Show this list.
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## Fetch libtorch and the corpus into the checkout (once; then nothing is downloaded).
	@Scripts/setup.sh

import-tools: setup ## Install what `oobleck import` needs: transformers and its packages (once).
	@Scripts/setup.sh --import-tools

build: setup ## Build in release mode.
	@echo "build: release"
	@swift build -c release

demo: build ## Train on six local nodes, kill some, and prove that nothing changed.
	@.build/release/oobleck demo

demo-llama: import-tools build ## The same with a Llama that is imported from transformers.
	@test -d models/llama || .build/release/oobleck import Examples/llama --to models/llama --sequence 128 --microbatch 4
	@.build/release/oobleck demo --config Examples/llama.yaml

artifact: build ## Do the paper's evaluation; writes artifact-report/index.html.
	@.build/release/oobleck evaluate --output artifact-report

test: ## Set up, build, and run all tests; print the time of each part.
	@Scripts/test.sh

check: setup ## Check format and scripts, and that our code builds without warnings.
	@Scripts/check.sh

docs: ## Make the documentation of the planner's libraries, .build/docs (needs no libtorch).
	@Scripts/docs.sh

bench: build ## Compare training speed with eager Python, run by run; writes Benchmarks/Results.
	@Scripts/setup.sh --test-tools
	@Scripts/bench.sh tiny 5
	@Scripts/bench.sh wide 5

soak: build ## Fifty runs with kills at random moments; all must end with the same state.
	@Scripts/soak.sh 50 1

drill: build ## Put a local cluster through the fault matrix; writes drill-report/report.html.
	@.build/release/oobleck drill --report drill-report

wheel: setup ## Make dist/oobleck-*.whl, which pip installs on machines without Swift.
	@Scripts/package/wheel.sh

tarball: setup ## Make dist/oobleck-*.tar.zst, which has libtorch inside, for machines without pip.
	@Scripts/package/tarball.sh

deb: tarball ## Make dist/oobleck_*.deb, which apt installs, from the tarball.
	@Scripts/package/deb.sh

image: tarball ## Make an image for Kubernetes, dist/oobleck-*.oci.tar (needs buildah).
	@Scripts/package/image.sh || [ $$? = 77 ]

test-packages: wheel tarball deb ## Install the packages into empty places and prove a run in each.
	@Scripts/package/test-wheel.sh
	@Scripts/package/test-tarball.sh
	@Scripts/package/test-deb.sh || [ $$? = 77 ]
	@Scripts/package/test-hosts.sh || [ $$? = 77 ]

clean: ## Delete what was built; keeps libtorch and the corpus (.venv, .libtorch, .corpus).
	rm -rf .build
