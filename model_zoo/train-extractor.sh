#!/bin/sh
# Train the extractor, from nothing or from wherever an earlier call ended; Ctrl-C or SIGTERM ends
# it with a checkpoint. See docs/extractor-training.md.
#
#   model_zoo/train-extractor.sh WORK DATA [RUN]
#
# WORK receives everything; DATA holds the evaluation sets. ZOO and TEACHER are the Pythons of the
# zoo's environment and of the teacher's.
set -eu
work=$1 data=$2 run=${3:-eye}
zoo=${ZOO:-python}
teacher=${TEACHER:-teacher/bin/python}
if [ ! -f "$work/runs/$run/state.npz" ]; then
    "$zoo" -m headfit_zoo.mixture fetch "$work"
    "$zoo" -m headfit_zoo.mixture pack "$work"
    "$zoo" -m headfit_zoo.mixture twins "$work" --data "$data" \
        --listed "$data/drop-scene15-twins.txt"
    "$teacher" -m headfit_zoo.mixture targets "$work"
fi
exec "$zoo" -m headfit_zoo.mixture train "$work" "$run"
