# SPDX-License-Identifier: Apache-2.0
"""Boot entry on a board: hands over to boards/<board>, which knows the pins and the parts.

The board's name stands in the file board.txt beside this one; whoever flashes the recorder writes it.
"""


def board_name(path="board.txt"):
    """Return the name in board.txt."""
    with open(path) as file:
        return file.read().strip()


def main():
    """Run the board's own main."""
    name = board_name()
    module = __import__("boards.%s.main" % name, None, None, ("run",))
    module.run()


if __name__ == "__main__":
    main()
