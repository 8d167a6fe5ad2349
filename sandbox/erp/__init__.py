"""The ERP of the sandbox: a real Tryton with its web client, in an environment of its own."""
