#!/usr/bin/env bash
# Run the sweep of a spec on the Ray cluster that this job is part of; go on with it, as the spec is now, if
# $SWEEP_HOME has it already. Exits as `sweep run` does, but with 0 once a user has cancelled the sweep, or the job
# would be tried again.
#   bash run-or-resume.sh SPEC
set -u
name=$(python -c "import sys, ruamel.yaml as yaml; print(yaml.YAML(typ='safe').load(open(sys.argv[1]))['name'])" "$1") || exit
if [ -e "$SWEEP_HOME/$name/sweep.yaml" ]; then
  cp "$1" "$SWEEP_HOME/$name/sweep.yaml"
  python -m sweep resume "$name" --address auto
else
  python -m sweep run "$1" --address auto
fi
code=$?
if [ "$code" = 130 ] && python -m sweep status "$name" --format json | grep -q '"state": "cancelled"'; then
  exit 0
fi
exit "$code"
