"""Drawing of chest radiographs: thickness maps in, film pixels out; no file is read or written."""
