"""Start the page: `python app.py`, then open http://127.0.0.1:7860; `--help` lists the options."""

from radui.ui.launch import main

if __name__ == "__main__":
    main()
