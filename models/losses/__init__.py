"""Losses as plain functions and modules; nothing here reads files or params."""
