"""What the tiny models of ``every_family`` are made of: sizes by their names; what types and variants have beside."""

SLIDING, FULL, LINEAR = "sliding_attention", "full_attention", "linear_attention"

TOKENS = {"vocab_size": 600, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
# Where a config class has one of these and says something there by itself, the tiny model has this.
SIZES = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "emb_dim", "embedding_size"), 64),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layers", "n_layer", "decoder_layers", "encoder_layers"), 4),
    **dict.fromkeys(("num_attention_heads", "num_heads", "n_heads", "n_head", "attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2),
    **dict.fromkeys(("head_dim", "query_pre_attn_scalar", "v_head_dim", "index_head_dim", "linear_head_dim"), 16),
    **dict.fromkeys(("kv_channels", "linear_key_head_dim", "linear_value_head_dim"), 16),
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim"), 16),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "rotary_dim"), 8),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "gated_norm_rank"), 16),
    **dict.fromkeys(("linear_num_value_heads", "linear_num_heads"), 4),
    "linear_num_key_heads": 2,
    "index_n_heads": 16,  # fewer would often give keys scores of exactly 0, of which any may be chosen
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads"), 8),
    **dict.fromkeys(("mamba_d_state", "ssm_state_size", "time_step_rank", "mamba_dt_rank"), 8),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "decoder_ffn_dim", "encoder_ffn_dim", "dff", "dim_ff"), 96),
    **dict.fromkeys(("d_inner", "ffn_hidden_size", "dense_intermediate_size"), 96),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"), 32),
    **dict.fromkeys(("shared_intermediate_size", "moe_shared_expert_intermediate_size"), 32),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_topk", "moe_k"), 2),
    **dict.fromkeys(("n_group", "n_groups", "zero_expert_num"), 2),
    **dict.fromkeys(("topk_group", "first_k_dense_replace", "num_dense_layers"), 1),
    **dict.fromkeys(("initializer_range", "init_std"), 0.15),  # logits that are not flat
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len", "max_target_positions"), 256),
    "context_length": 256,
    # What changes beyond so many tokens: windows, chunks, the choice of keys.
    **dict.fromkeys(("sliding_window", "sliding_window_size", "attention_window_size", "window_size"), 16),
    **dict.fromkeys(("attention_chunk_size", "local_attention_window_len", "keep_window_size", "index_topk"), 16),
    **dict.fromkeys(("rel_extent", "log_scaling_n_floor", "floor_scale", "block_size"), 16),
    **dict.fromkeys(("mamba_chunk_size", "chunk_size", "local_attn_chunk_length", "lsh_attn_chunk_length"), 16),
    **dict.fromkeys(("index_block_size", "index_topk_blocks"), 4),
    "local_attention": 32,  # its window is half of it
}
# The same in a config's rotary positions, which change beyond so many tokens.
ROPE = {"original_max_position_embeddings": 64, "max_position_embeddings": 256, "factor": 4.0}

WINDOWED = {"layer_types": [SLIDING, FULL] * 2}
SLIDES = {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 2, "layer_types": None}
CONVOLVED = {"layer_types": ["conv", FULL] * 2}
LATENT = {"num_key_value_heads": 4}  # keys and values of each head out of one small vector
GEMMA3N = {
    "num_kv_shared_layers": 2,
    "hidden_size_per_layer_input": 16,
    "vocab_size_per_layer_input": 600,
    "laurel_rank": 8,
    "altup_num_inputs": 2,
    "activation_sparsity_pattern": [0.95, 0.95, 0.0, 0.0],
}
GEMMA4 = {"global_head_dim": 32, "hidden_size_per_layer_input": 16, "vocab_size_per_layer_input": 600}
GRANITE = {"embedding_multiplier": 2.0, "logits_scaling": 4.0, "residual_multiplier": 0.5, "attention_multiplier": 0.5}
INKLING = {
    "vocab_size": 608,  # rows of the head; its logits are cut to
    "unpadded_vocab_size": 600,
    "swa_num_attention_heads": 4,
    "swa_num_key_value_heads": 2,
    "swa_head_dim": 16,
    "d_rel": 4,
    "log_scaling_n_floor": 16,
}
QWEN4 = {
    "indexer_n_heads": 16,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 16,
    "indexer_budget": 16,
    "indexer_compress_ratio": 4,
    "ple_layer_ids": [1],
    "ngram_vocab_size_base": 100,
    "heads_per_ngram": 2,
    "make_ngram_vocab_size_divisible_by": 8,
    "split_ngram_parts": 1,
    "hc_count": 2,
    "hc_lowrank": 8,
}
DOTS3 = {
    **LATENT,
    "shared_experts_intermediate_size": 32,
    "swa_num_attention_heads": 2,
    "swa_num_key_value_heads": 2,
    "swa_q_lora_rank": 16,
    "swa_kv_lora_rank": 16,
    "swa_head_dim": 16,
    "swa_qk_nope_head_dim": 8,
    "swa_v_head_dim": 16,
}

# model_type: what its tiny config has beside the sizes, in its parts as well
OWN = {
    "axk1": LATENT,
    "axk2": LATENT,
    "bailing_hybrid": LATENT,
    "bamba": {"attn_layer_indices": [1, 3]},
    "blt": {
        "use_cache": False,  # transformers 5.23.0 cannot make its cache
        "encoder_hash_byte_group_vocab": 100,
        "encoder_config": {"num_hidden_layers": 1, "hidden_size_global": 64},
        "decoder_config": {"hidden_size_global": 64},
    },
    "cohere_compass_text": {
        **WINDOWED,
        "logit_scale": 0.5,
        "rope_parameters": {
            SLIDING: {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]},
            FULL: None,
        },
    },
    "cpmant": {"dim_head": 16, "prompt_length": 4},
    "dbrx": {"attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0}},
    "deepseek_v2": {**LATENT, "num_experts_per_tok": 2},
    "deepseek_v3": LATENT,
    "deepseek_v32": LATENT,
    "deepseek_v4": {
        "num_key_value_heads": 1,
        "layer_types": [SLIDING, "heavily_compressed_attention", "compressed_sparse_attention", SLIDING],
        "compress_rates": {"compressed_sparse_attention": 4, "heavily_compressed_attention": 16},
        "index_topk": 4,  # blocks of the four tokens above
        "o_lora_rank": 16,
        "o_groups": 2,
    },
    "dots1": {**SLIDES, "n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "dots3_note": {
        "text_config": DOTS3,
        "vision_config": {"adapter_in_dim": 64, "adapter_out_dim": 64},
        "audio_config": {"adapter_input_size": 64, "adapter_out_dim": 64},
    },
    "dots3_note_text": DOTS3,
    "ernie4_5_moe": {"moe_layer_end_index": 3},
    "falcon_h1": {"mamba_d_ssm": 128, "lm_head_multiplier": 0.5},
    "gemma3n_text": GEMMA3N,
    "gemma4": {"text_config": GEMMA4, "vision_config": {}},
    "gemma4_text": GEMMA4,
    "gemma4_unified": {"text_config": {"global_head_dim": 32}},
    "gemma4_unified_text": {"global_head_dim": 32},
    "glm4_moe_lite": LATENT,
    "glm_moe_dsa": LATENT,
    "got_ocr2": {"vision_config": {"num_hidden_layers": 2, "output_channels": 16, "image_size": 64}},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granite": GRANITE,
    "granite_swa": {**GRANITE, "layer_rope_theta": [0.0, 10000.0, 10000.0, 10000.0]},
    "granitemoe": GRANITE,
    "granitemoe_swa": GRANITE,
    "granitemoehybrid": {**GRANITE, "layer_types": [LINEAR, FULL] * 2},
    "granitemoeshared": GRANITE,
    "hunyuan_v1_dense": {"head_dim": 16},
    "hunyuan_v1_moe": {"head_dim": 16},
    "hy_v4": LATENT,
    "hyperclovax": {"logits_scaling": 4.0},
    "inkling2_text": INKLING,
    "inkling_text": {**INKLING, "logits_mup_width_multiplier": 2.0},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "kimi_linear": LATENT,
    "laguna": WINDOWED,
    "lfm2": CONVOLVED,
    "lfm2_moe": CONVOLVED,
    "llama4": {"text_config": {"no_rope_layers": [1, 0, 1, 0]}},
    "llama4_text": {"no_rope_layers": [1, 0, 1, 0]},
    "longcat_flash": {**LATENT, "head_dim": 8, "qk_head_dim": 16},
    "mamba2": {"state_size": 16, "num_heads": 8},
    "mellum": WINDOWED,
    "minicpm3": {**LATENT, "dim_model_base": 16},
    "minimax_m3_vl_text": {
        "layer_types": [FULL, "minimax_m3_sparse"] * 2,
        "mlp_layer_types": ["dense", "sparse"] * 2,
        "index_n_heads": 2,  # as many as there are keys
    },
    "ministral": {**WINDOWED, "head_dim": 16},
    "nemotron": {"num_key_value_heads": 2},
    "phi4_multimodal": {"audio_config": {"num_blocks": 1}},
    "qwen4_exp": {"text_config": QWEN4},
    "qwen4_exp_text": QWEN4,
    "reformer": {
        "is_decoder": True,
        "attention_head_size": 16,
        "attn_layers": ["local", "lsh"] * 2,
        "axial_pos_shape": [16, 16],
        "axial_pos_embds_dim": [32, 32],
        "num_buckets": 4,
        "hash_seed": 0,
    },
    "rembert": {"input_embedding_size": 32, "output_embedding_size": 32},
    "roc_bert": {"pronunciation_embed_dim": 16, "shape_embed_dim": 16, "shape_vocab_size": 600},
    "xlm": {"embed_init_std": 0.15},
    "xlnet": {"d_head": 16},
    "xlstm": {"hidden_size": 128},  # of which its keys have half, in steps of 64
    "xmod": {"default_language": "en_XX"},
    "youtu": LATENT,
    "zaya": {"num_experts_per_tok": 1, "layer_types": ["hybrid_sliding", "hybrid"] * 2, "sliding_window": 16},
}

LONGROPE = {
    "original_max_position_embeddings": 64,
    "rope_parameters": {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 8,
        "long_factor": [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
        "original_max_position_embeddings": 64,
    },
}
# Twice the base beyond the longest sequence, which the config therefore says to be short.
DYNAMIC = {
    "max_position_embeddings": 64,
    "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0},
}
YARN = {
    "rope_parameters": {
        "rope_type": "yarn",
        "rope_theta": 10000.0,
        "factor": 4.0,
        "original_max_position_embeddings": 64,
    }
}
LLAMA3 = {"rope_parameters": {**YARN["rope_parameters"], "rope_type": "llama3", "low_freq_factor": 1.0}}
LLAMA3["rope_parameters"]["high_freq_factor"] = 4.0
WINDOW = {"sliding_window": 16}
# name: a model type, and what this face of it has beside what the type has
VARIANTS = {
    "bert (decoder)": ("bert", {"is_decoder": True}),
    "bert-generation (decoder)": ("bert-generation", {"is_decoder": True}),
    "deepseek_v3 (yarn)": ("deepseek_v3", YARN),
    "doge (experts)": ("doge", {"is_moe": True}),
    "doge (window)": ("doge", WINDOW),
    "falcon (alibi)": ("falcon", {"alibi": True}),
    "falcon (new decoder)": ("falcon", {"new_decoder_architecture": True}),
    "gemma3_text (both sides)": ("gemma3_text", {"use_bidirectional_attention": True}),
    "gemma4_text (experts)": (
        "gemma4_text",
        {"enable_moe_block": True, "num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 32},
    ),
    "gemma4_text (shared keys)": ("gemma4_text", {"num_kv_shared_layers": 2, "final_logit_softcapping": 30.0}),
    "hunyuan_v1_dense (dynamic rope)": ("hunyuan_v1_dense", DYNAMIC),
    "internlm3 (dynamic rope)": ("internlm3", DYNAMIC),
    "llama (dynamic rope)": ("llama", DYNAMIC),
    "llama (llama3 rope)": ("llama", LLAMA3),
    "mistral (Mistral Small 3)": ("mistral", {"sliding_window": None, "head_dim": 32}),
    "mixtral (window)": ("mixtral", WINDOW),
    "mpt (learned positions)": ("mpt", {"attn_config": {"alibi": False}}),
    "nemotron_h (window)": ("nemotron_h", WINDOW),
    "opt (projected)": ("opt", {"word_embed_proj_dim": 32, "do_layer_norm_before": False}),  # as the 350m is
    "phi3 (LongRoPE)": ("phi3", LONGROPE),
    "phi3 (window)": ("phi3", WINDOW),
    "phi4_multimodal (LongRoPE)": ("phi4_multimodal", LONGROPE),
    "phimoe (LongRoPE)": (
        "phimoe",
        {"rope_parameters": {**LONGROPE["rope_parameters"], "short_mscale": 1.1, "long_mscale": 1.3}},
    ),
    "qwen2 (window)": ("qwen2", SLIDES),
    "qwen2 (yarn)": ("qwen2", YARN),
    "qwen2_moe (window)": ("qwen2_moe", SLIDES),
    "qwen3 (window)": ("qwen3", SLIDES),
    "qwen3_moe (window)": ("qwen3_moe", {"use_sliding_window": True, "sliding_window": 16}),
    "smollm3 (window)": ("smollm3", SLIDES),
    "stablelm (parallel)": ("stablelm", {"use_parallel_residual": True, "qk_layernorm": True}),
    "starcoder2 (window)": ("starcoder2", WINDOW),
    "xlm (causal)": ("xlm", {"causal": True}),
    "zamba2 (two blocks)": ("zamba2", {"num_mem_blocks": 2, "use_mem_rope": True}),
}

ENCODER = "an encoder that fills gaps: it sees both sides of a token unless is_decoder, and its checkpoints are not"
DECODER = "the decoder of a sequence-to-sequence model, trained with the other sequence before it"
ASSISTANT = "drafts for another model, out of whose hidden states and keys it goes on: it takes no text alone"
MUSIC = "makes music: its tokens are codes of sounds, its logits have an axis more"
# model_type: why it is not asked as a language model, though AutoModelForCausalLM may make one
NOT_LANGUAGE_MODELS = {
    **dict.fromkeys(
        (
            *("bert", "bert-generation", "big_bird", "camembert", "data2vec-text", "electra", "ernie", "megatron-bert"),
            *("rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer", "xlm-roberta", "xlm-roberta-xl"),
            "xmod",
        ),
        ENCODER,
    ),
    **dict.fromkeys(
        (
            *("bart", "bigbird_pegasus", "blenderbot", "blenderbot-small", "marian", "mbart", "mvp", "pegasus"),
            *("plbart", "prophetnet"),
        ),
        DECODER,
    ),
    **dict.fromkeys(("gemma4_assistant", "gemma4_unified_assistant"), ASSISTANT),
    **dict.fromkeys(("musicgen", "musicgen_melody"), MUSIC),
    "git": "captions an image, which stands before its text",
    "moshi": "speaks: its text runs beside sounds, a token for each 80 ms of them",
    "moss_transcribe_diarize": "writes down speech, which stands before its text",
    "trocr": "the decoder of a reader of images, trained with the image before it",
    "whisper": "the decoder of a writer of speech, trained with the speech before it",
    "xlm": "fills gaps: it sees both sides of a token unless causal",
    "xlnet": "takes tokens in any order: without a mask of permutations it sees both sides of a token",
}
# model_type: the package without which transformers does not make it
NEEDS = {"gemma3n": "timm"}  # for its images; gemma3n_text is its language model
