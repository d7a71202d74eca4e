"""Amplitude mixing of two pictures after Yang and Soatto (FDA, CVPR 2020), in numpy alone.

usage: spectrum_reference.py SIZE BAND MIX OWN OTHER OUT   (raw uint8, SIZE x SIZE x 3)
"""
import sys

import numpy as np

size, band, mix = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
own, other = (np.fromfile(f, np.uint8).reshape(size, size, 3).astype(float) for f in sys.argv[4:6])
f_own = np.fft.fftshift(np.fft.fft2(own, axes=(0, 1)), axes=(0, 1))
f_other = np.fft.fftshift(np.fft.fft2(other, axes=(0, 1)), axes=(0, 1))
amplitude, phase = np.abs(f_own), np.angle(f_own)
reach = int(np.floor(band * size))
frequency = np.fft.fftshift(np.fft.fftfreq(size, 1 / size))
low = (np.abs(frequency) <= reach)[:, None] & (np.abs(frequency) <= reach)[None, :]
amplitude[low] = ((1 - mix) * amplitude + mix * np.abs(f_other))[low]
mixed = np.fft.ifft2(np.fft.ifftshift(amplitude * np.exp(1j * phase), axes=(0, 1)), axes=(0, 1))
np.floor(np.clip(mixed.real, 0, 255) + 0.5).astype(np.uint8).tofile(sys.argv[6])
