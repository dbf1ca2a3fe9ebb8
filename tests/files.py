"""Small question files in the publishers' layouts, written by the tests."""

import json


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return str(path)


def mmlu_folder(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(folder)


def arc(stem, labels="ABCD", key="A", texts=None):
    texts = texts or [f"text {label}" for label in labels]
    choices = [{"text": t, "label": x} for t, x in zip(texts, labels, strict=True)]
    return {"id": f"Mercury_{stem}", "question": {"stem": stem, "choices": choices}, "answerKey": key}
