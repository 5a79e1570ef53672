"""The modules of faasctl, in the order of what needs what:

nodes        the tree of a document, every node with its file and line
jsontext     JSON to nodes
yamltext     YAML to nodes
reports      what is said about a document
documents    files, limits, "$ref"
cfn          CloudFormation's functions, stage variables
nginxtext    words of a configuration
proxy        http integrations: named locations
integration  an integration to the target of a route
security     what of a document protects an operation
authorizers  a security scheme to an authorizer
lambda_authorizers  the same for those that are functions
extensions   what is around routes, the type of an API
openapi      a document to an API
render       an API to a configuration
cli          options, exit status
"""
