# Sourced by scripts/lint and scripts/test: named steps, their times, and one verdict at the end.
# shellcheck shell=bash

step_lines=()
step_failures=0

# step NAME COMMAND...: runs it, notes its time, and goes on to the next step when it fails.
step() {
  local name="$1" started=$SECONDS status=0
  shift
  printf -- '--- %s\n' "$name"
  "$@" || status=$?
  if [ "$status" -eq 0 ]; then
    step_lines+=("$(printf '%5d s  %s' $((SECONDS - started)) "$name")")
    return
  fi
  step_failures=$((step_failures + 1))
  step_lines+=("$(printf '%5d s  %s: FAILED (exit code %d)' $((SECONDS - started)) "$name" "$status")")
}

# left_out NAME REASON: says so and carries on.
left_out() {
  printf -- '--- %s: left out: %s\n' "$1" "$2"
  step_lines+=("$(printf '    -    %s: left out: %s' "$1" "$2")")
}

# finish: prints what every step came to; ends with 1 if any failed.
finish() {
  printf '\n'
  printf '%s\n' "${step_lines[@]}"
  [ "$step_failures" -eq 0 ] || exit 1
}
