"""The end-user web app: server-rendered pages, and a socket for what streams."""
