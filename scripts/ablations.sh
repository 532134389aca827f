#!/usr/bin/env bash
# Runs the ablations of recipes/ablations on every model and makes their tables.
#
#   scripts/ablations.sh OUT [RECIPE ...]      all recipes when none is named (pacs_photo, ...)
#
# Resumable: what is finished in OUT is not done again; run the same command after an interruption.
# A run that fails is reported at the end and does not keep the others from running.
#   STOCKPOT   the program (build/release/bin/stockpot)
#   DEVICE     cuda or cpu (cuda)
#   JOBS       trainings side by side in an experiment (8)
#   SIDE       experiments side by side (1)
#   MODELS     folders of ../shared/models ("tin-resnet18-64 tin-resnet18w32-64 tin-vit-tiny-p8-64")
#   SET        more settings, "key=value ..." (none), for instance "train.epochs=1 run.seeds=1"
set -uo pipefail
cd "$(dirname "$0")/.."
if [ $# -lt 1 ]; then
  sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
out=$1
shift
stockpot=${STOCKPOT:-build/release/bin/stockpot}
device=${DEVICE:-cuda}
jobs=${JOBS:-8}
side=${SIDE:-1}
read -r -a models <<<"${MODELS:-tin-resnet18-64 tin-resnet18w32-64 tin-vit-tiny-p8-64}"
read -r -a extra <<<"${SET:-}"
recipes=("$@")
if [ ${#recipes[@]} -eq 0 ]; then
  for file in recipes/ablations/*.yaml; do
    [ "$file" = recipes/ablations/methods.yaml ] || recipes+=("$(basename "$file" .yaml)")
  done
fi

mkdir -p "$out/logs"
rm -f "$out"/logs/*.failed

run_one() {  # name, recipe, settings ...
  [ -f "$out/$1/results.json" ] && return 0
  while [ "$(jobs -rp | wc -l)" -ge "$side" ]; do wait -n; done
  echo "== $1"
  experiment "$@" >"$out/logs/$1.txt" 2>&1 &
}
# A failure leaves its exit code in logs/NAME.failed.
experiment() {
  local name=$1 recipe=recipes/ablations/$2.yaml folder=$out/$1 sets=() code
  shift 2
  for pair in "$@" "run.device=$device" "${extra[@]}"; do sets+=(--set "$pair"); done
  # Trials side by side first, then what needs all of them: choices, evaluation, report.
  "$stockpot" sweep init "$recipe" --out "$folder" "${sets[@]}" &&
    "$stockpot" sweep run "$folder" --jobs "$jobs" --devices "$device" -q
  code=$?
  # 5: some trials were given up (diverged, say): the report says which.
  if [ $code -eq 0 ] || [ $code -eq 5 ]; then
    "$stockpot" run "$recipe" --out "$folder" "${sets[@]}" -q
    code=$?
  fi
  [ $code -eq 0 ] || [ $code -eq 5 ] || echo $code >"$out/logs/$name.failed"
}

for recipe in "${recipes[@]}"; do
  case $recipe in
    quality_good | quality_poor) run_one "$recipe" "$recipe" ;;  # they name their own models
    *)
      for model in "${models[@]}"; do
        settings=("model.from=../shared/models/$model")
        # A ViT has no BatchNorm.
        case $model in *vit*) settings+=("methods.batchnorm_only=false") ;; esac
        run_one "$recipe-$model" "$recipe" "${settings[@]}"
      done
      ;;
  esac
done

wait

python3 scripts/ablation_tables.py "$out" >"$out/tables.md" && echo "tables: $out/tables.md"
code=0
for file in "$out"/logs/*.failed; do
  [ -f "$file" ] || continue
  [ $code -eq 75 ] || code=$(cat "$file")
  name=$(basename "$file" .failed)
  echo "failed: $name: $(tail -n 1 "$out/logs/$name.txt")" >&2
done
exit $code
