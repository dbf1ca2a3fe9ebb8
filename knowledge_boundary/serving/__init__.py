"""Models behind a server: vLLM, llama.cpp, SGLang and whatever else speaks OpenAI's protocol.

Imports: running, wording, models, judging, engine.
"""
