#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image: Python and the grader into /autograder/venv.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
course="$root/source/course"

python=""
for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
  if command -v "$name" >/dev/null && "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'; then
    python="$name"
    break
  fi
done
if [ -z "$python" ]; then # Ubuntu 22.04 brings Python 3.10, and has 3.11 beside it
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3.11 python3.11-venv bubblewrap
  python=python3.11
fi

# The versions are those of the course; torch comes first so that a CPU build can be had where there is one.
"$python" -m venv "$root/venv"
"$root/venv/bin/pip" install --quiet --no-cache-dir torch==@TORCH@
"$root/venv/bin/pip" install --quiet --no-cache-dir -c "$course/requirements.txt" "$course"
"$root/venv/bin/autograder" list >/dev/null
