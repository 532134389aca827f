#!/usr/bin/env bash
# Every comparison of the model soups paper on the models of one search.
#
#   scripts/soup_study.sh OUT RECIPE       for instance recipes/soups/emoji_72.yaml
#
# Trains the search (one linear probe, then its fine-tunings), then: soups (uniform, greedy by both
# rules and both orders, learned in three forms), both ensembles, WiSE-FT from the linear probe to
# the soup, calibration, the number-of-models curve, angles and gains, soup against ensemble, the
# plane of three models, learning rate against drop. Tables go to OUT/analyses/*.txt and *.json; the
# pages stand in OUT/report.html, too. Resumable: what is finished in OUT is not done again.
#   STOCKPOT   the program (build/release/bin/stockpot)
#   DEVICE     cuda or cpu (cuda)
#   JOBS       trainings side by side (8)
#   SET        more settings, "key=value ..." (none), for instance "search.runs=15"
#   PAIRS      pairs of models for angles and soup against ensemble (200)
#   ORDERS     random orders of the models for the curve of their number (10)
#   STEPS      analyses side by side (4)
set -uo pipefail
cd "$(dirname "$0")/.."
if [ $# -ne 2 ]; then
  sed -n '2,18s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
out=$1
recipe=$2
stockpot=${STOCKPOT:-build/release/bin/stockpot}
device=${DEVICE:-cuda}
pairs=${PAIRS:-200}
orders=${ORDERS:-10}
most=${STEPS:-4}
read -r -a extra <<<"${SET:-}"
sets=(--set "run.device=$device")
for pair in "${extra[@]}"; do sets+=(--set "$pair"); done
study=$out/analyses

# NAME COMMAND...: its table in NAME.txt; what is there is not made again. In the background, behind
# at most $most others; a failure leaves NAME.part.
step() {
  [ -f "$study/$1.txt" ] && return 0
  while [ "$(jobs -rp | wc -l)" -ge "$most" ]; do wait -n; done
  echo "== $1"
  make_table "$@" &
}
make_table() {
  local name=$1
  shift
  "$stockpot" "$@" >"$study/$name.part" 2>"$study/$name.log" &&
    mv "$study/$name.part" "$study/$name.txt"
}

mkdir -p "$study/soups"
[ -f "$out/recipe.yaml" ] ||
  "$stockpot" sweep init "$recipe" --out "$out" "${sets[@]}" >"$study/init.log" 2>&1 ||
  { cat "$study/init.log" >&2; exit 1; }
"$stockpot" sweep run "$out" --jobs "${JOBS:-8}" --devices "$device" -q >"$study/train.log" 2>&1
code=$?
# 5: some trials were given up; the soups are made of the others.
if [ $code -ne 0 ] && [ $code -ne 5 ]; then
  tail -3 "$study/train.log" >&2
  exit $code
fi

lp=$out/runs/lp/model
models=()
for model in "$out"/runs/*/model; do [ "$model" = "$lp" ] || models+=("$model"); done
all=("$lp" "${models[@]}")
on=(--recipe "$out" --device "$device" -q)

step runs run "$recipe" --out "$out" "${sets[@]}" -q
wait
# The longest first; the next table needs none of them.
step curve soup curve "${all[@]}" "${on[@]}" --repeats "$orders" -o "$study/curve" --overwrite
step gap gap "${models[@]}" "${on[@]}" --pairs "$pairs" -o "$study/gap"
step plane plane "$lp" "${models[0]}" "${models[1]}" "${on[@]}" --grid 15 -o "$study/plane"
step angles angles "${models[@]}" --base "$lp" "${on[@]}" --pairs "$pairs" -o "$study/angles"
long=$(jobs -rp)
step shifts shifts "$out" -o "$study/shifts" --overwrite
step uniform soup uniform "${all[@]}" -o "$study/soups/uniform" -q
for accept in ties strict; do
  for order in metric random; do
    step "greedy-$accept-$order" soup greedy "${all[@]}" "${on[@]}" --accept "$accept" \
      --order "$order" --base "$lp" -o "$study/soups/greedy-$accept-$order"
  done
done
for rows in global block tensor; do
  step "learned-$rows" soup learned "${all[@]}" "${on[@]}" --rows "$rows" \
    -o "$study/soups/learned-$rows"
done
for job in $(jobs -rp); do
  grep -qx "$job" <<<"$long" || wait "$job"
done

soups=()
for soup in uniform greedy-ties-metric greedy-strict-metric greedy-ties-random \
  greedy-strict-random learned-global learned-block learned-tensor; do
  for folder in "$study/soups/$soup/model" "$study/soups/$soup"; do
    if [ -f "$folder/config.json" ]; then
      soups+=("$folder")
      break
    fi
  done
done
greedy=$study/soups/greedy-ties-metric/model
step ensemble ensemble "${all[@]}" "${on[@]}" --soup --logits "$study/logits" -o "$study/ensemble" --overwrite
step wise-uniform interpolate "$lp" "$study/soups/uniform" "${on[@]}" --alphas 0:1:11 \
  --report "$study/wise-uniform" --overwrite
step wise-greedy interpolate "$lp" "$greedy" "${on[@]}" --alphas 0:1:11 \
  --report "$study/wise-greedy" --overwrite
wait
step calibration calibrate "${all[@]:1:1}" "${soups[@]}" "${on[@]}" --logits "$study/logits" \
  -o "$study/calibration" --overwrite
wait

"$stockpot" report "$out" -q >/dev/null || exit
echo "tables and pages: $study; all pages in one: $out/report.html"
failed=0
for part in "$study"/*.part; do
  [ -f "$part" ] || continue
  failed=4
  echo "failed: $(basename "$part" .part): $(tail -n 1 "${part%.part}.log")" >&2
done
exit $failed
