# Short names for what scripts/ and the presets do; see CONTRIBUTING.md.
.PHONY: test demo bench
test:
	./scripts/test
demo:
	./scripts/demo
bench:
	./scripts/setup
	cmake --preset release >/dev/null
	cmake --build --preset release --target translate_bench
	build/release/translate_bench
