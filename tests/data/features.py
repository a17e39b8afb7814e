#!/usr/bin/env python3
"""Writes features.npz: what the front ends are tested against, in float64 from the definitions alone (no FFT, no code of the project).

    tests/data/features.py          # needs numpy

power, power_8: squared magnitudes of the discrete Fourier transform of the first 512 and 8 samples of each signal.
mfcc: (signals, 49, 10), as tf.signal.linear_to_mel_weight_matrix and tf.signal.mfccs_from_log_mel_spectrograms document them, of the signal
divided by its maximum. log_mel: (signals, 32, 128), as librosa.feature.melspectrogram(n_fft=1024, hop_length=512, n_mels=128, power=2)
documents it (centred frames, reflected edges), 10 log10(. + 2.2e-16), of the signal / 32768. The signals are signal() of features_test.cpp.
"""
from pathlib import Path

import numpy as np

RATE, COUNT = 16000, 16000
i = np.arange(COUNT, dtype=np.int64)
chirp = (i * i * 3) % 65536 - 32768  # every frequency in turn, over and over
word, noise = np.uint64(1), []
for _ in range(COUNT):
    word = (word * np.uint64(1664525) + np.uint64(1013904223)) % np.uint64(2**32)
    noise.append(int(word >> np.uint64(16)) - 32768)
quiet = np.where((i // 2000) % 2 == 0, np.array(noise) // 1024, 0)  # bursts of faint noise between digital silence
SIGNALS = [chirp, np.array(noise), quiet]


def hann(n):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


def dft_power(frames, n):
    """Squared magnitudes of bins 0 .. n/2 of rows of at most n samples."""
    angle = -2 * np.pi * np.outer(np.arange(frames.shape[-1]), np.arange(n // 2 + 1)) / n
    return (frames @ np.cos(angle)) ** 2 + (frames @ np.sin(angle)) ** 2


def mfcc(signal):
    x = signal / signal.max()
    frames = np.stack([x[320 * t:320 * t + 480] * hann(480) for t in range(49)])
    magnitude = np.sqrt(dft_power(frames, 512))

    def mel(hz):
        return 1127 * np.log(1 + hz / 700)

    edges = np.linspace(mel(20), mel(4000), 42)
    bank = np.zeros((257, 40))
    for k in range(1, 257):
        for b in range(40):
            rise = (mel(k * RATE / 512) - edges[b]) / (edges[b + 1] - edges[b])
            fall = (edges[b + 2] - mel(k * RATE / 512)) / (edges[b + 2] - edges[b + 1])
            bank[k, b] = max(0, min(rise, fall))
    log_mel = np.log(magnitude @ bank + 1e-6)
    return np.stack([(log_mel * np.cos(np.pi * k * (np.arange(40) + 0.5) / 40)).sum(1) * 2 / np.sqrt(80) for k in range(10)], 1)


def log_mel(signal):
    x = np.pad(signal / 32768, 512, mode="reflect")
    frames = np.stack([x[512 * t:512 * t + 1024] * hann(1024) for t in range(1 + COUNT // 512)])

    def hz(mel):
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    top = 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4)
    edges = [hz(m) for m in np.linspace(0, top, 130)]
    bank = np.zeros((513, 128))
    for k in range(513):
        for b in range(128):
            f = k * RATE / 1024
            rise, fall = (f - edges[b]) / (edges[b + 1] - edges[b]), (edges[b + 2] - f) / (edges[b + 2] - edges[b + 1])
            bank[k, b] = max(0, min(rise, fall)) * 2 / (edges[b + 2] - edges[b])
    return 10 * np.log10(dft_power(frames, 1024) @ bank + 2.220446049250313e-16)


np.savez_compressed(
    Path(__file__).with_name("features.npz"),
    power=np.stack([dft_power(s[None, :512].astype(float), 512)[0] for s in SIGNALS]),
    power_8=np.stack([dft_power(s[None, :8].astype(float), 8)[0] for s in SIGNALS]),
    mfcc=np.stack([mfcc(s) for s in SIGNALS]).astype(np.float32),
    log_mel=np.stack([log_mel(s) for s in SIGNALS]).astype(np.float32))
