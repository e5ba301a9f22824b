"""Checkpoints of the real sizes with random weights: speed does not depend on the values, and nobody has to fetch 34 GB."""

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
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3Model,
)

from tests.models.tiny_checkpoints import CHAT_TEMPLATE, clip_tokenizer, qwen_tokenizer

_VOCABULARY = 152_064  # of Qwen2-7B, rounded up from the tokenizer's as there


def write_ace_step_xl(folder: Path, device: str) -> Path:
    """Write ACE-Step 1.5 XL turbo: the configurations whose sizes in bytes agree with the published files."""
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        transformer = AceStepTransformer1DModel(
            hidden_size=2560, intermediate_size=9728, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8,
            head_dim=128, encoder_hidden_size=2048, is_turbo=True, model_version="turbo",
        )  # fmt: skip
        condition_encoder = AceStepConditionEncoder()
        condition_encoder.silence_latent.normal_()
        text_encoder = Qwen3Model(
            Qwen3Config(
                vocab_size=151_669, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16,
                num_key_value_heads=8, head_dim=128,
            )
        )  # fmt: skip
        vae = AutoencoderOobleck(
            encoder_hidden_size=128, downsampling_ratios=[2, 4, 4, 6, 10], channel_multiples=[1, 2, 4, 8, 16],
            decoder_channels=128, decoder_input_channels=64, audio_channels=2, sampling_rate=48000,
        )  # fmt: skip
        pieces = (AceStepAudioTokenizer(), AceStepAudioTokenDetokenizer())
    torch.set_default_dtype(torch.float32)
    AceStepPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=qwen_tokenizer("right"),
        transformer=transformer,
        condition_encoder=condition_encoder,
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        audio_tokenizer=pieces[0],
        audio_token_detokenizer=pieces[1],
    ).save_pretrained(folder)
    return folder


def write_qwen_7b(folder: Path, device: str) -> Path:
    """Write Qwen2-7B-Instruct with a vocabulary as large as the real one, of made-up tokens."""
    tokenizer = _large_tokenizer()
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = Qwen2ForCausalLM(
            Qwen2Config(
                vocab_size=_VOCABULARY, hidden_size=3584, intermediate_size=18_944, num_hidden_layers=28,
                num_attention_heads=28, num_key_value_heads=4, max_position_embeddings=32_768, tie_word_embeddings=False,
                eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
            )
        )  # fmt: skip
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_sdxl_full(folder: Path, device: str) -> Path:
    """Write SDXL Turbo in half precision."""
    tokenizer = clip_tokenizer(folder.parent / f"{folder.name}-clip")
    last = len(tokenizer) - 1
    ends: dict[str, Any] = {"bos_token_id": last - 1, "eos_token_id": last, "pad_token_id": last, "vocab_size": 49_408}
    torch.set_default_dtype(torch.float16)
    with torch.device(device):
        unet = UNet2DConditionModel(
            sample_size=64, in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=[1, 2, 10], attention_head_dim=[5, 10, 20], cross_attention_dim=2048,
            addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816,
            use_linear_projection=True,
        )  # fmt: skip
        vae = AutoencoderKL(
            in_channels=3, out_channels=3, block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4,
            layers_per_block=2, force_upcast=True,
        )  # fmt: skip
        small = CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, **ends))  # fmt: skip
        large = CLIPTextModelWithProjection(CLIPTextConfig(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, projection_dim=1280, **ends))  # fmt: skip
    torch.set_default_dtype(torch.float32)
    scheduler = EulerAncestralDiscreteScheduler(
        timestep_spacing="trailing", beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012
    )
    StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=small,
        text_encoder_2=large,
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=scheduler,
    ).save_pretrained(folder, variant="fp16")
    return folder


def _large_tokenizer() -> Any:
    """Return a tokenizer whose tokens are as many as Qwen's, and about as long: the grammar has to weigh them all."""
    small = qwen_tokenizer("left").get_vocab()
    vocabulary = dict(small)
    letters = "etaoinshrdlu"
    number = 0
    while len(vocabulary) < 151_643:
        word, rest = "", number
        while rest or not word:
            word, rest = letters[rest % 12] + word, rest // 12
        for token in (word, f"Ġ{word}"):
            vocabulary.setdefault(token, len(vocabulary))
        number += 1
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        padding_side="left",
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
