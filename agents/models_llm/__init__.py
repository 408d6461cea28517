"""Chat models: the lean client for OpenAI-compatible endpoints, and the offline demo model.

`factory.chat_model_for` gives the model a component names, `protocol` holds what a run reads from
it, `errors` what it may raise, and `connections.aclose_all` ends an event loop's connections.
"""
