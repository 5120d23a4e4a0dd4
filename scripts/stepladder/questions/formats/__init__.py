"""Readers of the formats in which the sources are published: files or hub rows in, rows or rejections out."""
