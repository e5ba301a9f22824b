"""Generative sleeves in the manner of screen prints: families of drawings, limited palettes, and the choice by mood."""
