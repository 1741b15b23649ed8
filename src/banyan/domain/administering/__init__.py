"""What administrators set (管理设置): one asks for a new version of a document of the rulebook, another confirms it."""
