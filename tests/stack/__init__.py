"""Against a stack that runs: STACK_URL is its API, STACK_PAGE_URL its page, STACK_SETUP_CODE makes the admin."""
