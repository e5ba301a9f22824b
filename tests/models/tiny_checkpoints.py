"""Tiny checkpoints with random weights, written to disk in the layout of the real ones and loaded by the same code."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AceStepPipeline,
    AceStepTransformer1DModel,
    AutoencoderKL,
    AutoencoderOobleck,
    EulerAncestralDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.ace_step import AceStepAudioTokenDetokenizer, AceStepAudioTokenizer, AceStepConditionEncoder
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3Model,
)

from models.qwen.prompt import INSTRUCTION

# Models this small gain nothing from more threads, and lose much where tests share the cores.
torch.set_num_threads(1)

CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def qwen_tokenizer(padding_side: str) -> Any:
    """Return a byte-level tokenizer with Qwen's marks, like the real one; its merges are those of the instruction."""
    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator([INSTRUCTION], trainer)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        padding_side=padding_side,
    )


def write_ace_step(folder: Path, turbo: bool) -> Path:
    """Write an ACE-Step pipeline of 1.5 MB: 25 latents a second and 48 kHz stereo like the real one."""
    torch.manual_seed(1 if turbo else 2)
    tokenizer = qwen_tokenizer("left")  # as Qwen3-Embedding ships it
    attention: dict[str, Any] = {
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 64, "sliding_window": 16,
    }  # fmt: skip
    text_encoder = Qwen3Model(
        Qwen3Config(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, max_position_embeddings=4096,
        )
    )  # fmt: skip
    transformer = AceStepTransformer1DModel(
        hidden_size=40, num_hidden_layers=2, in_channels=24, audio_acoustic_hidden_dim=8, encoder_hidden_size=32,
        is_turbo=turbo, model_version="turbo" if turbo else "base", **attention,
    )  # fmt: skip
    condition_encoder = AceStepConditionEncoder(
        hidden_size=32, text_hidden_dim=32, timbre_hidden_dim=8, num_lyric_encoder_hidden_layers=2,
        num_timbre_encoder_hidden_layers=2, **attention,
    )  # fmt: skip
    # The constructor leaves zeros where real checkpoints carry encoded silence and a learned "nothing".
    condition_encoder.silence_latent.normal_()
    with torch.no_grad():
        condition_encoder.null_condition_emb.normal_()
        for layer in transformer.layers:
            layer.cross_attn.to_out[0].weight *= 16  # words shall matter more than rounding does
    pieces: dict[str, Any] = {
        "hidden_size": 32, "audio_acoustic_hidden_dim": 8, "num_attention_pooler_hidden_layers": 1, **attention,
    }  # fmt: skip
    vae = AutoencoderOobleck(
        encoder_hidden_size=16, downsampling_ratios=[2, 4, 4, 6, 10], channel_multiples=[1] * 5, decoder_channels=8,
        decoder_input_channels=8, audio_channels=2, sampling_rate=48000,
    )  # fmt: skip
    with torch.no_grad():
        vae.decoder.conv1.weight_g *= 8  # and so shall latents
    AceStepPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        transformer=transformer,
        condition_encoder=condition_encoder,
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        audio_tokenizer=AceStepAudioTokenizer(fsq_dim=32, **pieces),
        audio_token_detokenizer=AceStepAudioTokenDetokenizer(**pieces),
    ).save_pretrained(folder)
    return folder


def write_qwen(folder: Path) -> Path:
    """Write a Qwen2 of one layer with a tokenizer of its own and the chat template of the real one."""
    torch.manual_seed(3)
    tokenizer = qwen_tokenizer("left")
    tokenizer.chat_template = CHAT_TEMPLATE
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer) + 5, hidden_size=64, intermediate_size=128, num_hidden_layers=1,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32768, tie_word_embeddings=False,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_sdxl(folder: Path, variant: str | None = None) -> Path:
    """Write an SDXL pipeline, its files named as those of a variant where one is given."""
    torch.manual_seed(4)
    tokenizer = clip_tokenizer(folder.parent / f"{folder.name}-clip")
    last = len(tokenizer) - 1
    text: dict[str, Any] = {
        "vocab_size": last + 1, "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 77, "projection_dim": 32, "bos_token_id": last - 1,
        "eos_token_id": last, "pad_token_id": last,
    }  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(32, 64), layers_per_block=1, in_channels=4, out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2), attention_head_dim=(2, 4), cross_attention_dim=64,
        addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=80,
        use_linear_projection=True,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(8,) * 4, in_channels=3, out_channels=3, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, sample_size=64, norm_num_groups=4,
    )  # fmt: skip
    scheduler = EulerAncestralDiscreteScheduler(
        timestep_spacing="trailing", beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012
    )
    StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(CLIPTextConfig(**text)),
        text_encoder_2=CLIPTextModelWithProjection(CLIPTextConfig(**text)),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=scheduler,
    ).save_pretrained(folder, variant=variant)
    return folder


def clip_tokenizer(folder: Path) -> Any:
    """Return a CLIP tokenizer of single bytes, written to `folder`."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    symbols = [*alphabet, *(f"{symbol}</w>" for symbol in alphabet), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({symbol: index for index, symbol in enumerate(symbols)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(
        vocab=str(folder / "vocab.json"),
        merges=str(folder / "merges.txt"),
        model_max_length=77,
        pad_token="<|endoftext|>",
    )
