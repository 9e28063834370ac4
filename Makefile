# Short names for what scripts/ and the presets do; see CONTRIBUTING.md.
.PHONY: test demo bench
test:
	./scripts/test
demo:
	./scripts/demo
# BENCH_PEER=0 leaves LiteLLM out, which is installed from PyPI into build/litellm-venv.
BENCH_PEER ?= 1
bench:
	./scripts/setup
	cmake --preset release >/dev/null
	cmake --build --preset release --target translate_bench
	build/release/translate_bench --dump build/bench-corpus
ifneq ($(BENCH_PEER),0)
	python3 bench/litellm_peer.py build/bench-corpus
endif
