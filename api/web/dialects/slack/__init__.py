"""Slack's slash commands."""
