"""``finetune.sh --setup-llamafactory``: make the environment that LLaMA-Factory was tested in, from PyPI.

LLAMAFACTORY_ENV is its folder (default: .venv-llamafactory in this repository).

Examples:
  bash finetune.sh --setup-llamafactory
  LLAMAFACTORY_ENV=~/llamafactory-env bash finetune.sh --setup-llamafactory
"""

from . import cli
from .training.llamafactory import environment


def arguments():
    """No flags but --help."""
    return cli.Parser(__doc__).parse_args()


def main():
    """Install, try."""
    arguments()
    folder = environment.folder()
    environment.install(folder)
    found = environment.probe(str(folder / "bin" / "python"))
    print(f"LLaMA-Factory {found['version']} with transformers {found['versions']['transformers']}: {folder}")
    print("Next:    bash finetune.sh --backend llamafactory --model … --data … --output …")


if __name__ == "__main__":
    cli.run(main)
