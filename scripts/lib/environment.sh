# Sourced, from the top of the checkout, by the scripts that run Python.
# shellcheck shell=bash

# Byte code goes into .venv and never beside the sources; a later start is seconds faster for it.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$PWD/.venv/pycache"
