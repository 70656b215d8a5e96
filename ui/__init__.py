"""The web page. It talks HTTP to the API and owns no truth: it draws what the API has."""
