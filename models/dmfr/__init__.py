"""Demodalizing face recognition with synthetic samples: networks and losses, baselines too.

Reference:
    Z. Zhai et al., Demodalizing Face Recognition with Synthetic Samples, AAAI 2021.
"""
